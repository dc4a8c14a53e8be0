"""The documentation page: served whole from here, allowed to load nothing from elsewhere."""

import re

from tests.integration.api.conftest import Api


async def test_the_page_and_all_that_it_names_are_served(api: Api) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    files = [name for name in named if not name.startswith("data:")]
    assert len(files) == 3
    for name in (*files, "openapi.json"):
        answer = await api.get(f"/{name}")
        assert answer.status_code == 200, name
        assert len(answer.content) > 100
    assert "swagger-ui" in (await api.get("/docs/swagger-ui.css")).text


async def test_what_is_known_is_not_sent_again_and_nothing_else_is_read(api: Api) -> None:
    first = await api.get("/docs/swagger-ui-bundle.js")
    again = await api.get("/docs/swagger-ui-bundle.js", If_None_Match=first.headers["ETag"])
    assert again.status_code == 304
    for name in ("nothing.js", "..%2F__init__.py", "__init__.py"):
        assert (await api.get(f"/docs/{name}")).status_code == 404
