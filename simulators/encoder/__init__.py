"""Lab devices: RTSP encoders and cameras that stream real 4-megapixel video and fail on demand.

One asyncio process plays every device of a site. It needs no ffmpeg: clips are encoded beforehand (`clips`, `encode`)
and stored as NAL units with an index (`clipfile`), packetised once at start (`rtp`), and the packets of a frame are
shared by all viewers; only the twelve bytes of RTP header that differ are written per viewer.
"""
