from django.apps import AppConfig


class EmgConfig(AppConfig):
    name = "emg"
    verbose_name = "EMG"

    def ready(self) -> None:
        from emg.recordings import jobs

        jobs.register()
