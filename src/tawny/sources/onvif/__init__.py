"""ONVIF: what a camera can be told over the network beside its video, such as to turn and to switch."""

from tawny.sources.onvif.camera import OnvifCamera, PtzPreset

__all__ = ["OnvifCamera", "PtzPreset"]
