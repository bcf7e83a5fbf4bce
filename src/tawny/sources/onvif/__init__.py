"""ONVIF client: camera functions beyond video, such as PTZ and relays."""

from tawny.sources.onvif.camera import OnvifCamera, PtzPreset

__all__ = ["OnvifCamera", "PtzPreset"]
