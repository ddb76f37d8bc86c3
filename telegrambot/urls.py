"""Where Telegram sends updates in webhook mode."""

from django.urls import path

from telegrambot.webhook import take_update

app_name = "telegrambot"
urlpatterns = [path("telegram/updates", take_update, name="updates")]
