"""The house: imports go downward, rooms show only their public names, and nothing is too large to read."""

import ast

import pytest

from tests.support.house import (
    FLOORS,
    MODULES,
    PACKAGE,
    ROOMS,
    ROOT,
    TREES,
    diagram,
    imported_modules,
    imports,
    longest_chain,
    room_graph,
    room_of,
)


def public_names(package):
    names = next(
        node.value for node in TREES[package].body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    return set(ast.literal_eval(names))


def is_package(room):
    return (PACKAGE / room.replace(".", "/")).is_dir()


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def test_the_floors_name_every_room():
    assert sorted(ROOMS) == sorted({room_of(module) for module in MODULES})


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downward(module):
    below = ROOMS[ROOMS.index(room_of(module)) :]
    for other in imported_modules(module):
        assert room_of(other) in below, f"{module} imports {other}"


@pytest.mark.parametrize("module", MODULES)
def test_a_room_is_entered_by_its_door(module):
    for source, name in imports(module):
        if room_of(source) != room_of(module) and is_package(room_of(source)):
            assert source == f"httptee.{room_of(source)}", f"{module} imports {source}"
            assert name in public_names(source), f"{module} imports {name} from {source}"


def test_a_room_hands_on_no_name_that_nobody_takes():
    taken = {(source, name) for module in MODULES for source, name in imports(module) if source != module}
    taken |= {("httptee.commands", "main"), ("httptee.commands", "echo")}
    for room in ROOMS:
        package = f"httptee.{room}"
        if is_package(room):
            outside = {name for source, name in taken if source == package}
            assert public_names(package) <= outside, package


def test_no_module_imports_itself_through_others():
    longest_chain({module: imported_modules(module) for module in MODULES})


def test_no_room_imports_itself_through_others_and_the_house_has_few_levels():
    assert len(longest_chain(room_graph())) <= 12
    assert len({room.partition(".")[0] for room in ROOMS}) <= 28


def test_the_diagram_of_the_architecture_is_that_of_the_imports():
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert page.split("<!-- diagram -->\n")[1].split("\n<!-- /diagram -->")[0] == f"```mermaid\n{diagram()}\n```"


def test_the_diagram_implies_every_import_between_rooms():
    shown = {room: set() for room in ROOMS}
    names = {f"{room.replace('.', '_')}_": room for room in ROOMS}
    for line in diagram().splitlines():
        if "-->" in line:
            above, below = line.split(" --> ")
            shown[names[above.strip()]].add(names[below])

    def reached(room):
        return shown[room] | {far for near in shown[room] for far in reached(near)}

    for room, others in room_graph().items():
        assert others <= reached(room), room


@pytest.mark.parametrize("room", [room for rooms in FLOORS.values() for room in rooms])
def test_no_room_has_more_than_16_modules(room):
    assert sum(room_of(module) == room for module in MODULES) <= 16


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_over_250_lines_and_every_function_is_under_40(module):
    assert len(MODULES[module].read_text().splitlines()) <= 250
    for function in functions(TREES[module]):
        assert function.end_lineno - function.lineno + 1 < 40, function.name
