"""Which kind a label is of, and what an event is called."""

from tawny.model.observations import KINDS, is_meant, kind_of, kind_of_all


def test_a_label_belongs_to_a_kind() -> None:
    assert [kind_of(label) for label in ("person", "truck", "cat", "sofa")] == ["person", "vehicle", "animal", "object"]
    assert [kind_of(kind) for kind in KINDS] == list(KINDS)


def test_the_strongest_kind_gives_an_event_its_name() -> None:
    assert kind_of_all(["car", "dog", "person"]) == "person"
    assert kind_of_all(["dog", "car"]) == "vehicle"
    assert kind_of_all([]) == "motion"


def test_things_are_asked_for_by_label_or_kind() -> None:
    assert is_meant("bus", ("vehicle",))
    assert is_meant("bus", ("bus", "person"))
    assert not is_meant("bus", ("car", "person"))
