from httptee.compare.trie import FAN_OUT, Node, collapse


def grown(root, *paths, hits=1):
    for path in paths:
        node = root
        for label in path.split("/"):
            node = node.grow(label)
        node.hits += hits
        node.routes["GET"] = f"GET {node.path}"


def paths(root):
    return sorted(route for node in root.below() for route in node.routes.values())


def test_a_node_is_crowded_beyond_its_fan_out():
    root = Node("")
    grown(root, *(f"p{i}" for i in range(FAN_OUT)))
    assert not root.is_crowded()
    grown(root, "one-more")
    assert root.is_crowded()


def test_children_with_little_traffic_become_one():
    root = Node("")
    grown(root, *(f"p{i}" for i in range(41)))
    renamed = collapse(root)
    assert paths(root) == ["GET /{name}"]
    assert sorted(renamed) == sorted((f"GET /p{i}", "GET /{name}") for i in range(41))
    assert root.children["{name}"].hits == 41


def test_children_with_a_twentieth_of_the_traffic_stay():
    root = Node("")
    grown(root, *(f"p{i}" for i in range(90)))
    grown(root, "search", hits=10)
    collapse(root)
    assert paths(root) == ["GET /search", "GET /{name}"]


def test_a_few_requests_are_no_traffic_to_speak_of():
    root = Node("")
    grown(root, *(f"p{i}" for i in range(41)))
    grown(root, "twice", hits=4)
    grown(root, "often", hits=5)
    collapse(root)
    assert paths(root) == ["GET /often", "GET /{name}"]


def test_traffic_below_a_child_counts():
    root = Node("")
    grown(root, *(f"p{i}" for i in range(60)))
    grown(root, *(f"api/v{i}" for i in range(10)))
    collapse(root)
    assert "GET /api/v3" in paths(root)


def test_placeholders_stay():
    root = Node("")
    grown(root, "{int}", *(f"p{i}" for i in range(90)))
    collapse(root)
    assert paths(root) == ["GET /{int}", "GET /{name}"]


def test_what_is_below_is_merged():
    root = Node("")
    grown(root, *(f"p{i}/edit" for i in range(50)), *(f"p{i}/{{int}}" for i in range(50)))
    collapse(root)
    assert paths(root) == ["GET /{name}/edit", "GET /{name}/{int}"]


def test_nodes_that_become_crowded_collapse_too():
    root = Node("")
    grown(root, *(f"p{i}/q{i}/end" for i in range(41)))
    renamed = collapse(root)
    assert paths(root) == ["GET /{name}/{name}/end"]
    names = {f"GET /p{i}/q{i}/end" for i in range(41)}
    for old, new in renamed:
        names.discard(old)
        names.add(new)
    assert names == {"GET /{name}/{name}/end"}


def test_every_method_is_kept():
    root = Node("")
    grown(root, *(f"p{i}" for i in range(41)))
    root.children["p7"].routes["POST"] = "POST /p7"
    collapse(root)
    assert paths(root) == ["GET /{name}", "POST /{name}"]
