"""A workbook as openpyxl sees it, and as a person would correct it.

workbook.py FILE                    every comment, and every cell with a fill: sheet, cell, colour, comment, value; JSON, a line each
workbook.py FILE OUT CELL=VALUE...  sets cells of the first sheet and saves
workbook.py --new OUT               writes one with what people have: two sheets, a formula, a comment, a fill, a picture's place
"""

import json
import sys

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill


def show(path):
    for sheet in openpyxl.load_workbook(path):
        for row in sheet.iter_rows():
            for cell in row:
                colour = cell.fill.fgColor.rgb if cell.fill.fill_type == "solid" else None
                comment = cell.comment.text if cell.comment else None
                if colour or comment:
                    line = {"sheet": sheet.title, "cell": cell.coordinate, "colour": colour, "comment": comment}
                    line["value"] = None if cell.value is None else str(cell.value)
                    print(json.dumps(line, ensure_ascii=False))


def correct(path, out, changes):
    book = openpyxl.load_workbook(path)
    for change in changes:
        cell, value = change.split("=", 1)
        book.worksheets[0][cell] = value
    book.save(out)


def new(out):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "발주"
    sheet.append(["발주번호", "품목코드", "수량", "단가", "통화", "금액", "발주처코드", "판매자번호", "우리 메모"])
    for item, quantity in [("LM-40", 8), ("T-9", 20)]:
        row = sheet.max_row + 1
        ids = ["gln:8801234500012", "gln:8801234500043"]
        sheet.append(["PO-77", item, quantity, 540000 if item == "LM-40" else 25000, "KRW", f"=C{row}*D{row}", *ids])
    sheet["B3"].comment = Comment("재고를 보고 넣었음", "김 대리")
    sheet["B3"].fill = PatternFill("solid", fgColor="FF00FF00")
    sheet["B3"].font = Font(bold=True)
    sheet.column_dimensions["B"].width = 33
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = "A1:I3"
    sheet.merge_cells("K5:L6")
    notes = book.create_sheet("참고")
    notes["A1"] = "다른 시트"
    notes["A1"].comment = Comment("이것도 그대로", "이 과장")
    book.save(out)


if sys.argv[1] == "--new":
    new(sys.argv[2])
elif len(sys.argv) == 2:
    show(sys.argv[1])
else:
    correct(sys.argv[1], sys.argv[2], sys.argv[3:])
