"""The webhook as a plain DRF view: verify, get_or_create, confirm, answer."""

import hashlib
import hmac
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.naive.confirm import confirm
from payments.models import InboxEvent


class ReportSerializer(serializers.Serializer[Any]):
    """The fields of a report."""

    id = serializers.CharField()
    type = serializers.CharField()
    payment_id = serializers.CharField()
    currency = serializers.CharField()
    network = serializers.CharField()
    address = serializers.CharField()
    txid = serializers.CharField()
    amount_received = serializers.DecimalField(max_digits=40, decimal_places=18)


class NaiveWebhook(APIView):
    """POST /hooks/sandbox."""

    def post(self, request: Request) -> Response:
        raw = request.body
        moment, _, signature = request.headers.get("X-Sandbox-Signature", "").partition(",v1=")
        signed = moment.removeprefix("t=").encode() + b"." + raw
        expected = hmac.new(settings.SANDBOX_WEBHOOK_SECRET.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, expected):
            return Response({"error": "signature_wrong"}, status=401)
        report = ReportSerializer(data=request.data)
        report.is_valid(raise_exception=True)
        stored, is_new = InboxEvent.objects.get_or_create(
            provider="sandbox",
            event_id=report.validated_data["id"],
            body_digest=hashlib.sha256(raw).hexdigest(),
            defaults={
                "body": raw,
                "payment_ref": report.validated_data["payment_id"],
                "kind": report.validated_data["type"],
                "received_at": timezone.now(),
            },
        )
        if is_new:
            confirm(stored.pk)
        return Response({"ok": True})
