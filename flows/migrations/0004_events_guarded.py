"""PostgreSQL itself keeps the event stream: what is written stays as it is, and no chain ends between two events.

SQLite has the same rules in `flows.models.Event` and `flows.events` only; its one file belongs to the one process.
"""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION flightdeck_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE ON flows_event
    FOR EACH ROW EXECUTE FUNCTION flightdeck_events_stay();
"""

# Looked at when the transaction commits, because the chain's head is written after its events.
CHAIN_AGREES = """
CREATE FUNCTION flightdeck_chain_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last_position bigint; last_hash text;
BEGIN
    SELECT position, hash INTO last_position, last_hash FROM flows_event
        WHERE subject_type = NEW.subject_type AND subject_id = NEW.subject_id ORDER BY position DESC LIMIT 1;
    PERFORM 1 FROM flows_eventchain
        WHERE subject_type = NEW.subject_type AND subject_id = NEW.subject_id
          AND (length, head) = (coalesce(last_position, 0), coalesce(last_hash, ''));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the chain of % % does not end with its last event', NEW.subject_type, NEW.subject_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER chain_agrees AFTER INSERT OR UPDATE ON flows_eventchain
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION flightdeck_chain_agrees();
"""

GONE = """
DROP TRIGGER chain_agrees ON flows_eventchain;
DROP FUNCTION flightdeck_chain_agrees();
DROP TRIGGER events_stay ON flows_event;
DROP FUNCTION flightdeck_events_stay();
"""


def guard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(APPEND_ONLY, params=None)
        schema_editor.execute(CHAIN_AGREES, params=None)


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(GONE, params=None)


class Migration(migrations.Migration):
    dependencies = [("flows", "0003_claim_not_sent")]
    operations = [migrations.RunPython(guard, unguard)]
