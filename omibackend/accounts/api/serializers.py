import re
from datetime import time
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as Invalid
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from omibackend.accounts import preferences
from omibackend.accounts.models import (
    Preferences,
    Scope,
    User,
    validate_regex,
    validate_time_zone,
)
from omibackend.core.api.serializers import Strict

MOST_PASSWORD_CHARS = 128
LONGEST_LIFE_DAYS = 3650
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


@extend_schema_field(
    {
        "type": "string",
        "format": "password",
        "minLength": 12,
        "maxLength": MOST_PASSWORD_CHARS,
        # Django refuses a password of digits alone.
        "pattern": r"^[^\u0000]*[^0-9\u0000][^\u0000]*$",
        "writeOnly": True,
    }
)
class NewPassword(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=MOST_PASSWORD_CHARS, trim_whitespace=False, write_only=True, **options
        )


class CurrentPassword(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_length=1,
            max_length=MOST_PASSWORD_CHARS,
            trim_whitespace=False,
            write_only=True,
            **options,
        )


def _acceptable(password: str, *, email: str, name: str, attr: str) -> None:
    """Says what is wrong with a password; the same whether or not the account exists."""
    try:
        validate_password(password, User(email=email, name=name))
    except Invalid as error:
        raise serializers.ValidationError({attr: error.messages}) from error


class RegisterSerializer(Strict):
    email = serializers.EmailField(max_length=254)
    password = NewPassword()
    name = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _acceptable(attrs["password"], email=attrs["email"], name=attrs["name"], attr="password")
        return attrs


class JoinedSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField()


class RegisteredSerializer(serializers.Serializer[Any]):
    user = JoinedSerializer()


class LoginSerializer(Strict):
    email = serializers.EmailField(max_length=254)
    password = CurrentPassword()


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    email = serializers.EmailField()
    name = serializers.CharField(allow_blank=True)
    is_staff = serializers.BooleanField()
    has_password = serializers.BooleanField(
        source="has_usable_password", help_text="false: signs in by OpenID Connect only"
    )
    date_joined = serializers.DateTimeField()


class SignedInSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="for `Authorization: Bearer`; shown this once")
    expiry = serializers.DateTimeField(help_text="moves on while the token is used")
    user = MeSerializer()


class MeChangeSerializer(Strict):
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    new_password = NewPassword(required=False)
    current_password = CurrentPassword(
        required=False, help_text="needed for a new password, unless there is none yet"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "new_password" in attrs:
            user = self.context["user"]
            name = attrs.get("name", user.name)
            _acceptable(attrs["new_password"], email=user.email, name=name, attr="new_password")
        return attrs


class TokenSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    created = serializers.DateTimeField()
    expiry = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="shown this once")


class TokenRequestSerializer(Strict):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), min_length=1, max_length=len(Scope)
    )
    expires_in_days = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_LIFE_DAYS,
        required=False,
        allow_null=True,
        default=None,
        help_text="null: until it is deleted",
    )


@extend_schema_field({"type": "string", "pattern": CLOCK, "maxLength": 5, "example": "22:30"})
class ClockField(serializers.Field[Any, Any, Any, Any]):
    """`HH:MM` on the person's own clock."""

    def to_internal_value(self, data: Any) -> time:
        if not isinstance(data, str) or not re.match(CLOCK, data[:5]) or len(data) > 5:
            raise serializers.ValidationError("Must be a time such as 07:30.")
        return time.fromisoformat(data)

    def to_representation(self, value: Any) -> str:
        return f"{value:%H:%M}"


@extend_schema_field({"type": "string", "enum": sorted(available_timezones())})
class TimeZoneField(serializers.CharField):
    pass


@extend_schema_field({"type": "string", "format": "regex", "maxLength": 200})
class PatternField(serializers.Field[Any, Any, Any, Any]):
    """A CharField by another name: for one that may be blank the description would say so twice."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.text = serializers.CharField(
            max_length=200, allow_blank=True, validators=[validate_regex]
        )

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be a string.")
        return self.text.run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return value


class PreferencesSerializer(Strict, serializers.ModelSerializer[Preferences]):
    quiet_hours_start = ClockField(required=False, allow_null=True)
    quiet_hours_end = ClockField(required=False, allow_null=True)
    time_zone = TimeZoneField(required=False, validators=[validate_time_zone])
    activation_regex = PatternField(
        required=False,
        help_text="RE2 syntax, case ignored: what wakes the assistant instead of “Hey Omi”",
    )

    class Meta:
        model = Preferences
        fields = preferences.SETTINGS
        extra_kwargs = {
            "quiet_hours_start": {"help_text": "may lie after the end: over midnight"},
        }


class ExportSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(["waiting", "running", "failed"])
    progress = serializers.IntegerField(min_value=0, max_value=100, help_text="percent")
    requested_at = serializers.DateTimeField()


class EraseSerializer(Strict):
    password = CurrentPassword(
        required=False,
        help_text="not asked of an account that signs in by OpenID Connect only",
    )


class ErasingSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(["erasing"])
