import pytest

from pipeline.corpus.archive import Archive, Folder
from pipeline.corpus.licence import licence_in
from tests.conftest import release_table, write_archive, write_release


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Released under CC0-1.0, by its community.", "CC0-1.0"),
        ("cv-corpus-25.0-2026-03-01-yue-CC-BY-NC-4.0.tar.gz", "CC-BY-NC-4.0"),
        ("licence: cc by-sa 4.0", "CC-BY-SA-4.0"),
        ("cv_corpus_cc0.tar.gz", "CC0"),
        ("an account of CC, accents and cc0rpora", None),
        ("", None),
    ],
)
def test_a_licence_is_found_where_it_is_named(text, licence):
    assert licence_in(text) == licence


def test_the_name_comes_before_the_readme():
    assert licence_in("corpus-CC0.tar.gz", "CC-BY-4.0") == "CC0"


def test_the_readme_of_a_release_is_read_with_its_tables(tmp_path):
    release = write_release(tmp_path / "en", release_table(6, 6), {"a.mp3": b"a"})
    (release.parent / "README.md").write_text("Licence: CC-BY 4.0", encoding="utf-8")
    archive = Archive(write_archive(release, tmp_path / "corpus.tar.gz"))
    assert archive.readme == ""
    list(archive.tables())
    assert archive.readme == Folder(release).readme == "Licence: CC-BY 4.0"
