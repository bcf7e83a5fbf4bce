"""ONVIF client: camera functions beyond video, such as PTZ and relays."""

from tawny.sources.onvif.camera import OnvifCamera, PtzPreset
from tawny.sources.onvif.soap import OnvifService

__all__ = ["OnvifCamera", "OnvifService", "PtzPreset"]
