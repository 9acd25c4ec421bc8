"""What the demo's communes say in a week: the usual time-table of a station in the delta.

Where such a station relays the radio of province and state, there is a short bulletin of its own here, for
relaying is not built yet; where it plays a recording in Khmer, the same in Vietnamese, for no built-in
voice speaks Khmer.
"""

from dataclasses import dataclass

from controller.bulletins.categories import Category
from controller.demo.people import ADMIN, NEIGHBOUR, OFFICER

STATION = ("Địa bàn đài Đại Ân 2",)
KHMER_HAMLETS = ("Ấp Lâm Dồ", "Ấp Ngan Rô 1", "Ấp Ngan Rô 2")


@dataclass(frozen=True, slots=True)
class Programme:
    """A bulletin, and when it is played where."""

    title: str
    text: str
    category: Category
    slots: tuple[tuple[str, str], ...]
    """Each a time of day and the recurrence rule that goes with it."""
    audience: tuple[str, ...] = STATION
    """Names of areas, unique below the author's own."""
    author: str = OFFICER
    repeat: int = 1


WELCOME = Programme(
    "Mời họp dân ấp Lâm Dồ",
    "Đài truyền thanh Đại Ân 2 thông báo. Kính mời bà con ấp Lâm Dồ đến dự họp dân lúc 19 giờ tối nay "
    "tại nhà văn hóa ấp. Nội dung: phòng chống thiên tai và tiêm chủng cho trẻ em. Trân trọng kính mời.",
    Category.NOTICE,
    (),
)
"""Played a moment after every start of the demo."""

WEEK = (
    Programme(
        "Mở đầu buổi phát thanh sáng",
        "Đây là Đài Truyền thanh Đại Ân 2. Chào buổi sáng bà con. "
        "Chúc bà con một ngày làm việc nhiều niềm vui.",
        Category.POLITICS,
        (("05:00:00", "FREQ=DAILY"),),
    ),
    Programme(
        "Chương trình của xã",
        "Chương trình phát thanh của xã Trần Đề. Hôm nay, Ủy ban nhân dân xã hướng dẫn bà con đăng ký "
        "định danh điện tử VNeID tại bộ phận một cửa, từ thứ Hai đến thứ Sáu.",
        Category.DIGITAL,
        (("05:30:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA"),),
    ),
    Programme(
        "Bản tin dành cho bà con Khmer",
        "Bản tin dành cho bà con các ấp Lâm Dồ, Ngan Rô 1 và Ngan Rô 2. Chúc bà con đón Tết Chôl Chnăm Thmây "
        "vui tươi, an toàn. Trạm y tế xã tổ chức khám bệnh miễn phí vào sáng thứ Bảy.",
        Category.ETHNIC,
        (("05:45:00", "FREQ=WEEKLY;BYDAY=MO,WE,FR"), ("17:30:00", "FREQ=WEEKLY;BYDAY=TU,TH,SA")),
        KHMER_HAMLETS,
    ),
    Programme(
        "Điểm tin buổi sáng",
        "Điểm tin buổi sáng. Bảo hiểm y tế hộ gia đình được giảm mức đóng từ người thứ hai. "
        "Bà con liên hệ bưu điện xã để đăng ký.",
        Category.WELFARE,
        (("06:00:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),),
    ),
    Programme(
        "Nông nghiệp: độ mặn và lịch xuống giống",
        "Thông tin nông nghiệp. Độ mặn tại cửa Trần Đề sáng nay là 4 phần nghìn. Đề nghị bà con đóng cống "
        "ngăn mặn, trữ nước ngọt và xuống giống đúng lịch.",
        Category.FARMING,
        (("11:00:00", "FREQ=WEEKLY;BYDAY=TU,TH"),),
    ),
    Programme(
        "Thông báo: cúp điện, tiêm phòng gia súc",
        "Thông báo của xã. Ngày mai, từ 7 giờ đến 15 giờ, ấp Chợ và ấp Nam Chánh tạm cúp điện "
        "để sửa đường dây. Thú y xã tiêm phòng cho bò và heo tại nhà từ 8 giờ.",
        Category.NOTICE,
        (("16:45:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),),
        repeat=2,
    ),
    Programme(
        "Thời sự buổi chiều",
        "Tin thời sự. Gió mạnh trên biển cấp 6. Tàu cá không ra khơi, "
        "bà con nuôi tôm ven biển gia cố bờ bao.",
        Category.WEATHER,
        (("17:00:00", "FREQ=DAILY"),),
    ),
    Programme(
        "Trả lời phản ánh của người dân",
        "Trả lời phản ánh của người dân. Rác sinh hoạt được thu gom vào sáng thứ Ba và thứ Sáu. "
        "Đề nghị bà con để rác trước nhà trước 6 giờ.",
        Category.FEEDBACK,
        (("17:45:00", "FREQ=WEEKLY;BYDAY=SU"),),
    ),
    Programme(
        "An ninh trật tự",
        "Công an xã Liêu Tú nhắc bà con cảnh giác với cuộc gọi lừa đảo. "
        "Không cung cấp mã xác thực cho người lạ.",
        Category.SECURITY,
        (("17:15:00", "FREQ=DAILY"),),
        ("Xã Liêu Tú",),
        NEIGHBOUR,
    ),
    Programme(
        "Bản tin chung của thành phố",
        "Bản tin chung của thành phố Cần Thơ. Cuộc bầu cử là ngày hội của toàn dân. "
        "Cử tri kiểm tra tên mình trong danh sách niêm yết tại ấp.",
        Category.POLITICS,
        (("11:30:00", "FREQ=DAILY"),),
        ("Thành phố Cần Thơ",),
        ADMIN,
    ),
)
