import pytest

from tests.integration.gateway.payments.house import House, a_house


@pytest.fixture
async def house(own_url):
    """One seat, two milestones, the posting approved and its fee due."""
    async with a_house(own_url) as found:
        yield found


@pytest.fixture
async def hired(house) -> House:
    """Funded, open, taken and agreed on."""
    await house.fund()
    await house.hire()
    await house.agree()
    return house
