from django.apps import AppConfig


class EmgConfig(AppConfig):
    name = "emg"
    verbose_name = "EMG"
