from tests.integration.gateway.sandboxes.support import a_sandbox
from tests.support.api import eventually


async def test_work_that_nobody_reviews_is_accepted_and_paid_while_the_clock_runs(gateway):
    """The badge itself is the credentialing room's: see `bench/sandbox.py` for all rooms."""
    sandbox = await a_sandbox(gateway.api)
    life = await sandbox.life()
    await life.post_project()
    await life.apply()
    await life.agree()
    await sandbox.settle()
    await life.applicant.post(f"{life.at}/check-in", {"mood": "fine"})
    for milestone in await life.milestones():
        file = await life.applicant.call("POST", "/v1/files?name=salin.txt", b"Salin")
        await life.applicant.post(
            f"/v1/milestones/{milestone['id']}/submit",
            {"note": "Narito na.", "criteria_met": [0, 1], "file_ids": [file["id"]]},
        )

    moved = await sandbox.advance("P60D")

    assert {"milestone", "engagement"} <= {item["record"] for item in moved["fired"]}
    engagement = await eventually(
        lambda: life.applicant.get(life.at), lambda found: found["state"] == "completed"
    )
    assert engagement["state"] == "completed"
    states = await gateway.database.fetch(
        """SELECT DISTINCT payments.state FROM gateway.payments
             JOIN gateway.projects ON projects.id = project_id WHERE tenant = $1""",
        sandbox.tenant,
    )
    assert [row["state"] for row in states] == ["paid"]


async def test_everything_of_it_is_the_sandboxs(gateway):
    sandbox = await a_sandbox(gateway.api)
    life = await sandbox.life()
    await life.post_project()
    await life.apply()
    await life.agree()

    await sandbox.advance("P60D")

    for table in ("events", "timers", "payment_orders"):
        strays = await gateway.database.fetchval(
            f"""SELECT count(*) FROM gateway.{table}
                 WHERE tenant <> $1
                   AND correlation_id IN (SELECT correlation_id FROM gateway.events
                                           WHERE tenant = $1)""",
            sandbox.tenant,
        )
        assert strays == 0, table
