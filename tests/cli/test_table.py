"""Tables where nobody looks: everything is there, in columns."""

from fanlight.cli.table import WIDEST, show

COLUMNS = (("span", "cut"), ("took", "right"))


def test_one_long_cell_is_whole_and_leaves_the_other_lines_readable(capsys):
    long = "SELECT " + "a_rather_long_column, " * 40
    show(COLUMNS, [["GET", "3 ms"], [long, "12 ms"], ["cart.html", "1 ms"]])
    heading, first, second, third = capsys.readouterr().out.splitlines()
    assert second == f"{long}  12 ms"
    assert len(heading) == len(first) == len(third) == WIDEST + 2 + len("12 ms")


def test_short_cells_set_the_width(capsys):
    show(COLUMNS, [["GET", "3 ms"], ["cart.html", "1 ms"]])
    assert capsys.readouterr().out == "SPAN       TOOK\nGET        3 ms\ncart.html  1 ms\n"
