"""What ``doctor`` says, in Vietnamese and English: for each finding a sentence and what to do about it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LANGUAGES: Final = ("vi", "en")

CHECKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "credential": ("Giấy định danh", "Credential"),
        "agent": ("Chương trình", "Agent"),
        "clock": ("Đồng hồ", "Clock"),
        "network": ("Mạng", "Network"),
        "broker": ("Kênh điều khiển", "Broker"),
        "controller": ("Máy chủ", "Controller"),
        "disk": ("Đĩa", "Disk"),
        "decoding": ("Giải mã", "Decoding"),
        "audio": ("Âm thanh", "Audio"),
    }
)

VERDICTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"ok": ("TỐT", "OK"), "wrong": ("HỎNG", "WRONG"), "unsure": ("CHƯA RÕ", "UNSURE")}
)

FOUND: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "credential_ok": ("Của thiết bị {gateway}.", "Of gateway {gateway}."),
        "credential_bad": ("Không đọc được: {reason}.", "Cannot be read: {reason}."),
        "credential_open": (
            "Người khác trên máy cũng đọc được (quyền {mode}).",
            "Others on this box can read it (mode {mode}).",
        ),
        "agent_running": ("Đang chạy, phiên bản {version}.", "Running, version {version}."),
        "agent_not_running": ("Không chạy.", "Not running."),
        "agent_silent": (
            "Có chạy (pid {pid}) nhưng bị treo.",
            "It is there (pid {pid}) and does not move.",
        ),
        "clock_ok": ("Đã đồng bộ, sai nhiều nhất {error_ms} ms.", "Synchronised, within {error_ms} ms."),
        "clock_no_battery": (
            "Đã đồng bộ (sai tối đa {error_ms} ms); không có pin: mất điện xong phải có mạng mới biết giờ.",
            "Synchronised, within {error_ms} ms. No battery: after a power cut, routine waits for a network.",
        ),
        "clock_unvouched": (
            "Từ lúc bật máy chưa có gì xác nhận giờ là đúng; chỉ khẩn cấp được phát.",
            "Nothing has vouched for the time since it was switched on; nothing but an emergency will sound.",
        ),
        "clock_off": (
            "Lệch {seconds} giây so với máy chủ; chương trình thường sẽ không phát.",
            "{seconds} s off the controller's; nothing but an emergency will sound.",
        ),
        "clock_not_synchronised": ("Chưa đồng bộ với đâu cả.", "It follows no other clock."),
        "clock_unknown": ("Máy này không cho biết.", "This box does not tell."),
        "network_ok": ("Kết nối được {host}.", "{host} can be reached."),
        "network_down": ("Không kết nối được {host}: {reason}.", "{host} cannot be reached: {reason}."),
        "broker_connected": ("Chương trình đang kết nối.", "The agent is connected."),
        "broker_not_connected": (
            "Chương trình đang chạy nhưng chưa kết nối được.",
            "The agent runs and is not connected.",
        ),
        "broker_lets_in": ("Đăng nhập được.", "It lets this gateway in."),
        "broker_refuses": ("Từ chối thiết bị này.", "It refuses this gateway."),
        "broker_not_tried": ("Chưa thử được.", "Could not be tried."),
        "controller_ok": ("Trả lời và nhận ra thiết bị này.", "It answers and knows this gateway."),
        "controller_silent": ("Không trả lời: {reason}.", "No answer: {reason}."),
        "controller_refuses": ("Không nhận thiết bị này.", "It does not know this gateway."),
        "controller_odd": ("Trả lời lạ ({status}).", "It answers oddly ({status})."),
        "disk_ok": ("Còn trống {free} MB.", "{free} MB free."),
        "disk_missing": ("Không có thư mục lưu trữ.", "There is no state directory."),
        "disk_read_only": ("Chỉ đọc, không ghi được.", "It cannot be written."),
        "disk_little": ("Chỉ còn {free} MB.", "Only {free} MB free."),
        "decoding_ok": ("Đọc được bản tin và tiếng nói trực tiếp.", "Clips and live voice can be decoded."),
        "decoding_no_clips": ("Không đọc được bản tin nào: {reason}.", "No clip can be decoded: {reason}."),
        "decoding_no_live": (
            "Bản tin vẫn phát được, tiếng nói trực tiếp thì không: thiếu thư viện Opus.",
            "Clips can be decoded, a live voice cannot: the Opus library is missing.",
        ),
        "audio_ok": ("Có thiết bị: {outputs}.", "Devices: {outputs}."),
        "audio_file": (
            "Tiếng được ghi vào {directory}, không ra loa.",
            "Sound goes into {directory}, not to a loudspeaker.",
        ),
        "audio_no_library": ("Thiếu thư viện âm thanh: {reason}.", "The sound library is missing: {reason}."),
        "audio_no_device": ("Không có thiết bị phát nào.", "There is nothing to play on."),
        "audio_other_devices": ("Không có {name}; chỉ có: {outputs}.", "No {name}; there are: {outputs}."),
    }
)

TO_DO: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "credential_bad": (
            "Chạy bằng sudo. Nếu vẫn lỗi, xin cấp lại rồi chạy: sudo loacast-agent install --credential TỆP",
            "Run with sudo. If that is not it, get a new one: sudo loacast-agent install --credential FILE",
        ),
        "credential_open": (
            "Chạy: sudo chmod 600 lên tệp đó; xin cấp lại nếu có thể đã bị lộ.",
            "Run sudo chmod 600 on it; get a new one if others may have read it.",
        ),
        "agent_not_running": (
            "Chạy: sudo systemctl start loacast-agent; xem lý do: journalctl -u loacast-agent -n 50",
            "sudo systemctl start loacast-agent; why it ended: journalctl -u loacast-agent -n 50",
        ),
        "agent_silent": (
            "Chạy: sudo systemctl restart loacast-agent",
            "sudo systemctl restart loacast-agent",
        ),
        "clock_off": (
            "Chỉnh đồng hồ: sudo timedatectl set-ntp true; kiểm tra pin đồng hồ và mạng.",
            "Set it: sudo timedatectl set-ntp true; check the clock's battery and the network.",
        ),
        "clock_unvouched": (
            "Nối mạng đến máy chủ hoặc NTP (timedatectl set-ntp true); lắp đồng hồ có pin (RTC DS3231).",
            "Let it reach the controller or NTP (timedatectl set-ntp true); fit an RTC, as a DS3231.",
        ),
        "clock_not_synchronised": (
            "Chạy: sudo timedatectl set-ntp true; chờ một phút; mạng phải cho qua cổng UDP 123.",
            "sudo timedatectl set-ntp true, wait a minute; the network must let UDP port 123 through.",
        ),
        "network_down": (
            "Kiểm tra dây mạng, SIM (còn tiền, còn sóng) và cấu hình DNS.",
            "Check the cable, the SIM (credit, signal) and the name server.",
        ),
        "broker_not_connected": (
            "Nếu Mạng là TỐT: cổng bị chặn hoặc mật khẩu đã đổi; xem journalctl -u loacast-agent -n 50",
            "If Network is OK, a firewall or a new secret is in the way: journalctl -u loacast-agent -n 50",
        ),
        "broker_refuses": (
            "Giấy định danh đã cũ hoặc bị thu hồi, hoặc chứng chỉ không đúng: xin cấp lại.",
            "The credential is old or revoked, or the certificate is not trusted: get a new credential.",
        ),
        "controller_silent": (
            "Kiểm tra mạng và địa chỉ máy chủ; bản tin đã tải vẫn phát được.",
            "Check the network and the controller's address; what was fetched still plays.",
        ),
        "controller_refuses": (
            "Giấy định danh đã cũ hoặc bị thu hồi: xin cấp lại.",
            "The credential is old or revoked: get a new one.",
        ),
        "controller_odd": ("Báo người quản trị máy chủ.", "Tell whoever runs the controller."),
        "disk_missing": ("Chạy: sudo loacast-agent install", "sudo loacast-agent install"),
        "disk_read_only": (
            "Thẻ nhớ có thể đã hỏng: khởi động lại; nếu vẫn vậy, thay thẻ.",
            "The card may be worn out: restart; if it stays so, replace it.",
        ),
        "disk_little": (
            "Xóa tệp không cần: sudo journalctl --vacuum-size=50M; sudo apt clean",
            "Make room: sudo journalctl --vacuum-size=50M; sudo apt clean",
        ),
        "decoding_no_clips": ("Chạy: sudo apt install libsndfile1", "sudo apt install libsndfile1"),
        "decoding_no_live": ("Chạy: sudo apt install libopus0", "sudo apt install libopus0"),
        "audio_no_library": ("Chạy: sudo apt install libportaudio2", "sudo apt install libportaudio2"),
        "audio_no_device": (
            "Kiểm tra card âm thanh (aplay -l) và nhóm audio.",
            "Check the sound card (aplay -l) and the audio group.",
        ),
        "audio_other_devices": (
            "Chọn lại: sudo loacast-agent install --sink device:TÊN",
            "Choose another: sudo loacast-agent install --sink device:NAME",
        ),
    }
)


def say(sentence: tuple[str, str], language: str, **facts: object) -> str:
    """Return a sentence in one of `LANGUAGES`."""
    return sentence[LANGUAGES.index(language)].format(**facts)


def language_of(environment: Mapping[str, str]) -> str:
    """Return the language that a terminal asks for (locale(7)): Vietnamese if it says so, else English."""
    asked = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    return "vi" if asked.startswith("vi") else "en"
