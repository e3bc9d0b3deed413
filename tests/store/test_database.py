import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.recorder.faults import transient


@pytest.mark.parametrize(
    "statement",
    [
        "insert into contacts (digest, number_enc) values ('secret-digest', 'x'), ('secret-digest', 'x')",
        "insert into contacts (digest, language) values ('secret-digest', 'ha')",  # "Failing row contains (…)"
    ],
)
def test_an_error_does_not_quote_the_row_it_is_about(database, statement):
    with pytest.raises(IntegrityError) as caught, database.transaction() as session:
        session.execute(text(statement))
    told = "".join(traceback.format_exception(caught.value))
    assert "violates" in told
    assert "secret-digest" not in told.replace(statement, "")
    assert caught.value.orig.sqlstate in ("23505", "23502")
    assert not transient(caught.value)


def test_both_ends_notice_a_machine_that_vanished(database):
    with database.transaction() as session:
        raw = session.connection().connection.driver_connection
    assert raw.info.get_parameters()["keepalives_idle"] == "10"
    assert "tcp_keepalives_idle=10" in raw.info.get_parameters()["options"]
