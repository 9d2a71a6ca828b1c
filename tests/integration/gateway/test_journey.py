from tests.support.api import Life, eventually


async def test_a_micro_internship_reaches_its_end(gateway):
    life = await Life.between(gateway.api)
    await life.post_project()
    await life.apply()
    await life.agree()

    await life.work()

    found = await eventually(
        lambda: life.applicant.get(life.at), lambda found: found["state"] == "wrapping_up"
    )
    assert set(found["signed"]) == {"applicant", "employer"}
