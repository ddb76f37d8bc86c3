"""People in the admin: staff and their roles are kept here; who somebody is on Telegram is told by Telegram alone."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from lockbay.people.models import Contact, User
from lockbay.read_only_admin import ReadOnlyAdmin
from lockbay.repair_button import RepairButton
from lockbay.row_addresses import RowAddresses

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(RepairButton, DjangoUserAdmin, RowAddresses):  # type: ignore[type-arg]
    repair_subject = "user"
    actions_detail = ["repair"]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "display_name", "telegram_username", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_active", "groups", "language"]
    filter_horizontal = []  # four roles fit into a plain list; the two-column chooser does not fit the page
    search_fields = ["username", "first_name", "telegram_username", "=telegram_id"]
    readonly_fields = ["telegram_id", "telegram_username", "blocked_bot_at", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "first_name", "email", "language"]}),
        ("Telegram", {"fields": ["telegram_id", "telegram_username", "blocked_bot_at"]}),
        ("Staff", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]

    @display(description="shown as")
    def display_name(self, user: User) -> str:
        return user.display_name

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # people have books; they are switched off, not deleted


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    list_display = ["user", "channel", "address", "verified_at", "dead_at", "dead_reason"]
    list_filter = ["channel", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["address", "user__username"]
    list_select_related = ["user"]
    exclude = ["code_digest"]
