"""The settings that the five projects document themselves, as files that a user brings."""

ROM_CAM = """
name = "Front Door/Left"
ffmpeg_path = "ffmpeg"
device = "/dev/video2"
save_ts_dir = ""
bucket = "my-bucket"
webhook_url = "https://hooks.slack.com/services/T000/B000/XXXX"
load_kernel_module = true
webserver_listen_address = ":8080"
disable_recording_for_ips = ["192.168.1.50"]
[aws_creds]
access_key_id = "AKIA"
secret_access_key = "se/cret"
"""
DIYCAM = """#!/bin/bash
bucket="my-bucket"
sensitivity=4
kernel=21
monitor_dir=/videos
upload_dir=$monitor_dir/uploads
error_dir="${monitor_dir}/errors"
segment_length=300
stream_offset=90
skip_frames=0
declare -A cameras
cameras[1]="rtsp://admin:p%40ss@192.168.1.20/main"
cameras[garage]=/dev/video1   # usb
spoilt=$(touch run-by-us)
"""
ROPEY = """[ropey]
video_count = 17
video_width = 1920
stream_width = 512
aspect_ratio = 1.333
frames_per_second = 20
sensor_mode = 1
hflip = True
vflip = False
trigger_level = 420
after_frames = 7
buffer_seconds = 3
post_roll = 4
max_disk_usage = 0.8
apply_motion_mask = False
mask_name = default_mask.pgm
is_noir = False
camera_title = Yard
brightness = 0.25
contrast = 1.0
saturation = 1.0
exposurevalue = 0.0
aeconstraintmode = 0
aeenable = True
exposuretime = 10000
analoguegain = 1.0
aeexposuremode = 0
awbmode = 0
awbenable = True
redcolourgain = 1.0
bluecolourgain = 1.0
hasautofocus = False
afmetering = 0
afmode = 0
lensposition = 1.0
afrange = 0
"""
SUDOCAM = """{
  "cameraUUID": "7b0c7a0e-1f0f-4a53-9a35-0c9a3c8b1d11",
  "cameraName": "Nursery",
  "addr": "https://sudocam.example.org",
  "record_dir": "recordings",
  "token": "eyJhbGciOiJIUzI1NiJ9.e30.pLanted",
  "userConfig": {
    "recording_type": "RECORDING_TYPE_CONTINUOUS_SCHEDULED",
    "schedules": [
      {"days_of_week": [0, 6], "start_time": "08:00", "end_time": "18:00"},
      {"days_of_week": [1, 2, 3, 4, 5], "start_time": "22:00", "end_time": "06:30"}
    ],
    "motion_config": {"sensitivity": 60, "pre_record_seconds": 5, "post_record_seconds": 10},
    "motion_enabled": true,
    "name": "Nursery"
  }
}
"""
PANCAKE = {
    "continuous": "python3 recorder.py --record-continuous recordings\n",
    "converted": """
python3 recorder.py --record-continuous recordings --emit recorded &
python3 post_processor.py recorded --convert mp4 12 --upload-after-convert 1 \\
  --upload-scp pi@nas.lan 22 /mnt/cam --log post.log
""",
    "flipped": """
[Service]
WorkingDirectory=/home/pi/cam
ExecStart=/usr/bin/python3 recorder.py --vflip --hflip --resolution 1280 720 --fps 30 --login password.txt \\
  --record-continuous /srv/recordings --emit recorded
ExecStartPost=/usr/bin/python3 post_processor.py recorded --convert /srv/mp4 30 --upload-after-convert 2 \\
  --upload-scp pi@nas.lan 2222 /mnt/cam --upload-ftp ftp.example.org 21 me 's3cret#{1}"' cam
""",
    "edges": """
cd /srv/pancake
python3 recorder.py --record-detection edge recordings --detect no-image --emit recorded &
python3 post_processor.py recorded --convert mp4 12 --upload-minutes 0 20 40 \\
  --upload-scp pi@one.lan 22 /mnt/cam --upload-scp pi@two.lan 22 cam --notify-telegram 123:ABC 42
""",
    "images": """
python3 recorder.py --record-continuous /srv/rec --record-detection all /srv/rec --detect image \\
  --detect-resize 224 224 --detect-interval 0.5 --emit recorded &
python3 post_processor.py recorded --convert /srv/mp4 12 --upload-after-convert 3 --upload-minutes {5..59..15} \\
  --upload-scp pi@nas.lan 22 /mnt/cam --upload-queue-size 8 --notify-queue-size 8
""",
}
"""The five worked examples: continuous only; with conversion and SCP; flipped with SCP and FTP; edges; images."""
