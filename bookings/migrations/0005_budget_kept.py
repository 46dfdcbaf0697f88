"""PostgreSQL itself keeps the promise that no campaign commits more than its budget, whatever code wrote the lines.

Looked at when the transaction commits, under the campaign's lock: of two transactions that fit alone and not
together, the second is refused. On SQLite one transaction writes at a time, and `bookings.booking` and
`approvals.services` look before they write.
"""

from django.db import migrations

BUDGET_KEPT = """
CREATE FUNCTION flightdeck_budget_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE allowed numeric; promised numeric;
BEGIN
    SELECT budget INTO allowed FROM bookings_campaign WHERE id = NEW.campaign_id FOR NO KEY UPDATE;
    SELECT sum(coalesce(confirmed_cost, cost)) INTO promised FROM bookings_line
        WHERE campaign_id = NEW.campaign_id AND status NOT IN ('declined', 'expired', 'canceled');
    IF promised > allowed THEN
        RAISE EXCEPTION 'campaign % would promise % of a budget of %', NEW.campaign_id, promised, allowed
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER budget_kept AFTER INSERT OR UPDATE OF status, cost, confirmed_cost, campaign_id
    ON bookings_line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION flightdeck_budget_kept();
"""

GONE = """
DROP TRIGGER budget_kept ON bookings_line;
DROP FUNCTION flightdeck_budget_kept();
"""


def guard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BUDGET_KEPT, params=None)


def unguard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(GONE, params=None)


class Migration(migrations.Migration):
    dependencies = [("bookings", "0004_saga")]
    operations = [migrations.RunPython(guard, unguard)]
