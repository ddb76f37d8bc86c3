"""Meta's answers, as its documentation has them."""

from typing import Any

import pytest

from notifications.channels.whatsapp import one_line
from tests.notifications.channels.contract import ADDRESS, ChannelContract
from tests.notifications.channels.wires import GARBAGE, answer

WAMID = "wamid.HBgNMjM0ODAxMjM0NTY3OBUCABEYEjA"


def refusal(status: int, code: int, **headers: str) -> dict[str, Any]:
    details = {"messaging_product": "whatsapp", "details": f"{ADDRESS} cannot be reached"}
    said = {"message": f"(#{code}) no", "type": "OAuthException", "code": code, "error_data": details}
    return answer(status, {"error": said}, **headers)


class TestWhatsApp(ChannelContract):
    name = "whatsapp"
    settings_needed = {
        "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
        "WHATSAPP_ACCESS_TOKEN": "a-private-access-token",
        "WHATSAPP_TEMPLATE": "update",
        "WHATSAPP_CODE_TEMPLATE": "code",
    }
    taken = answer(
        200,
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": "2348012345678", "wa_id": "2348012345678"}],
            "messages": [{"id": WAMID, "message_status": "accepted"}],
        },
    )
    provider_id = WAMID
    temporary = [
        answer(503, GARBAGE),
        refusal(500, 131000),
        refusal(401, 190),
        refusal(400, 131056),
        refusal(403, 131031),
        refusal(400, 131042),
    ]
    dead = [refusal(400, 131026)]
    rejected = [refusal(400, code) for code in (131047, 132001, 132018, 100, 131030)]
    limited = refusal(400, 130429, retry_after="17")
    garbage = [answer(200, GARBAGE), answer(200, {"messages": []}), answer(200, {"messages": ["x"]}), answer(504, "")]

    def test_speaks_first_by_the_approved_template(self, wire: Any) -> None:
        wire.answers(self.taken)
        self.send()
        request = wire.requests[0]
        assert str(request.url) == "https://graph.facebook.com/v23.0/106540352242922/messages"
        assert request.headers["Authorization"] == "Bearer a-private-access-token"
        text = "Payment confirmed: 21.00 USD is held safe • Ada & <Bea> paid. • https://t.me/LockBayBot"
        assert wire.json() == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "2348012345678",
            "type": "template",
            "template": {
                "name": "update",
                "language": {"code": "en"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": text}]}],
            },
            "biz_opaque_callback_data": "delivery-7",
        }

    def test_a_code_goes_by_the_template_for_codes_with_its_copy_button(self, wire: Any) -> None:
        wire.answers(self.taken)
        self.send(code="123456")
        template = wire.json()["template"]
        assert template["name"] == "code"
        assert [part["type"] for part in template["components"]] == ["body", "button"]
        assert {part["parameters"][0]["text"] for part in template["components"]} == {"123456"}


@pytest.mark.parametrize("text", ["a\nb", "a\n\n\tb", "  a  \r\n     b"])
def test_a_parameter_has_neither_new_lines_nor_tabs_nor_runs_of_spaces(text: str) -> None:
    assert one_line(text) == "a • b"
