#!/usr/bin/env python
import gc
import os
import sys

from omibackend import engines

WITHOUT_ENGINES = {
    "help",
    "version",
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "makemessages",
    "spectacular",
    "startapp",
}


def needs_engines(argv: list[str]) -> bool:
    command = argv[1] if len(argv) > 1 else "help"
    return command not in WITHOUT_ENGINES and not {"-h", "--help", "--version"} & set(argv)


def main() -> None:
    # A start makes half a million objects that stay. Not to look through them again and again saves
    # a fifth of it; `omibackend.ops` goes on once all is loaded.
    gc.disable()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omibackend.settings")
    if needs_engines(sys.argv):
        try:
            engines.boot()
        except engines.EngineError as error:
            sys.exit(f"manage.py: {error}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
