import pytest

from httptee.http.subject import distinguished_name


def name(*parts):
    return distinguished_name({"subject": tuple((part,) for part in parts)})


@pytest.mark.parametrize("certificate", [None, {}, {"subject": ()}])
def test_no_certificate_no_name(certificate):
    assert distinguished_name(certificate) == ""


def test_the_last_part_comes_first_under_its_short_name():
    assert name(("countryName", "DE"), ("organizationName", "Ex"), ("commonName", "Al")) == "CN=Al,O=Ex,C=DE"


def test_a_part_may_have_several_values():
    several = {"subject": ((("commonName", "a"), ("userId", "7")),)}
    assert distinguished_name(several) == "CN=a+UID=7"


def test_a_name_that_has_no_short_one_is_kept():
    assert name(("emailAddress", "a@b.test")) == "emailAddress=a@b.test"


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("a,O=admin", "a\\,O\\=admin"),
        ('"a"+b;c<d>', '\\"a\\"\\+b\\;c\\<d\\>'),
        ("back\\slash", "back\\\\slash"),
        (" a ", "\\ a\\ "),
        ("#a", "\\#a"),
        ("é", "\\C3\\A9"),
        ("a\r\nX: y\0", "a\\0D\\0AX: y\\00"),
    ],
)
def test_what_would_mean_something_is_escaped(value, escaped):
    assert name(("commonName", value)) == f"CN={escaped}"
