"""Writes the workbooks of this folder with openpyxl and xlwt. Companies, numbers and people are made up.

python3 -m venv v && v/bin/pip install openpyxl xlwt && v/bin/python make.py
"""

import datetime
import pathlib

import openpyxl
import xlwt
from openpyxl.styles import Alignment, Font

HERE = pathlib.Path(__file__).parent
DAY = datetime.date(2026, 11, 24)
DUE = datetime.date(2026, 12, 4)


def order_xlsx():
    """An order form as purchasing departments fill it in: a title, merged cells, a total, a remark."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "발주서"
    sheet["D1"] = "발 주 서"
    sheet["D1"].font = Font(bold=True, size=18)
    sheet.merge_cells("D1:H1")
    sheet["A3"] = "표본상사(주) 구매2팀"
    sheet["J3"] = DAY
    sheet["J3"].number_format = 'yyyy"년" m"월" d"일"'
    header = ["발주번호", "발주일", "구매자번호", "발주처", "공급자번호", "납품처", "우편번호", "배송지 주소", "통화",
              "납기일", "순번", "품목코드", "품명", "바코드", "수량", "단위", "단가(원)", "금액", "담당"]
    for column, word in enumerate(header, 1):
        sheet.cell(5, column, word).font = Font(bold=True)
    lines = [
        ("LM-40", "레이저 거리계 LM-40", "08801234500011", 8, "EA", 540000),
        ("T-2", "교정용 타깃 T-2", "08801234500028", 20, "EA", 25000),
    ]
    for row, (item, name, gtin, quantity, unit, price) in enumerate(lines, 6):
        sheet.cell(row, 11, row - 5)
        for column, value in enumerate([item, name, gtin, quantity, unit, price, quantity * price], 12):
            sheet.cell(row, column, value)
        sheet.cell(row, 17).number_format = "#,##0"
        sheet.cell(row, 18).number_format = '_-"₩"* #,##0_-'
        sheet.cell(row, 19, "한가람")
    head = ["PO-2026-1130", DAY, "gln:8801234500012", "표본상사(주)", "gln:8801234500043", "천안 2공장", 4524,
            "번영로 00", "KRW", DUE]
    for column, value in enumerate(head, 1):
        cell = sheet.cell(6, column, value)
        cell.alignment = Alignment(vertical="center")
        if isinstance(value, datetime.date):
            cell.number_format = "yyyy-mm-dd"
        if value == 4524:
            cell.number_format = "00000"
        sheet.merge_cells(start_row=6, end_row=7, start_column=column, end_column=column)
    sheet["A8"] = "합 계"
    sheet["O8"] = 28
    sheet["R8"] = 4820000
    sheet["A10"] = "※ 납품 전 하루 먼저 연락 바랍니다."
    notes = book.create_sheet("안내")
    notes["A1"] = "발주서 작성 방법"
    codes = book.create_sheet("코드표")
    codes.append(["품목코드", "품명", "단가"])
    codes.append(["X-1", "쓰지 않는 품목", 1])
    codes.sheet_state = "hidden"
    book.save(HERE / "order.xlsx")


def demo_order_xlsx():
    """The order that the demo sends by mail: a form with its number above the table."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "발주서"
    sheet["A1"] = "발 주 서"
    sheet["A1"].font = Font(bold=True, size=18)
    sheet.merge_cells("A1:G1")
    for row, (word, value) in enumerate([("발주번호", "PO-2026-1125"), ("발주일", DAY), ("구매자번호", "gln:8801234500012"),
                                         ("공급자번호", "gln:8801234500043"), ("납품처", "표본상사 2공장 자재창고"),
                                         ("통화", "KRW")], 3):
        sheet.cell(row, 1, word).font = Font(bold=True)
        sheet.cell(row, 2, value)
        if isinstance(value, datetime.date):
            sheet.cell(row, 2).number_format = "yyyy-mm-dd"
    for column, word in enumerate(["순번", "품목코드", "품명", "수량", "단위", "단가(원)", "금액"], 1):
        sheet.cell(10, column, word).font = Font(bold=True)
    for row, (item, name, quantity, price) in enumerate([
        ("OS-2102", "디지털 오실로스코프 OS-2102", 1, 498000),
        ("SS-60", "인두 스테이션 SS-60", 3, 79000),
    ], 11):
        for column, value in enumerate([row - 10, item, name, quantity, "EA", price, quantity * price], 1):
            sheet.cell(row, column, value)
        sheet.cell(row, 6).number_format = sheet.cell(row, 7).number_format = "#,##0"
    sheet["A13"] = "합 계"
    sheet["G13"] = 735000
    sheet["G13"].number_format = "#,##0"
    book.save(HERE.parent / "demo" / "order.xlsx")


def catalogue_xlsx():
    """A price list on two sheets, one with English words."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "측정기"
    sheet.append(["표본정밀(주) 2026년 12월 단가표"])
    sheet.append([])
    sheet.append(["목록번호", "작성일", "공급자번호", "공급자명", "품목코드", "품명", "규격", "바코드", "단가(원)", "통화",
                  "단위", "최소주문수량", "납기(일)", "세율", "원산지"])
    for item, name, text, gtin, price, least, days in [
        ("00123", "디지털 버니어캘리퍼스 150 mm", "최소 눈금 0.01 mm", 8801234560634, 38500, 1, 3),
        ("00124", "외측 마이크로미터 0~25 mm", "최소 눈금 0.001 mm", 8801234560641, 62000.5, 2, 5),
    ]:
        sheet.append(["JM-2026-12", DAY, "gln:8801234500029", "표본정밀(주)", item, name, text, gtin, price, "KRW", "EA",
                      least, days, 0.1, "KR"])
        sheet.cell(sheet.max_row, 2).number_format = "mm-dd-yy"
        sheet.cell(sheet.max_row, 9).number_format = "#,##0.00"
        sheet.cell(sheet.max_row, 14).number_format = "0%"
    second = book.create_sheet("Fixtures")
    second.append(["Catalogue Number", "Vendor ID", "Item No.", "Product Name", "Unit Price", "Currency", "UoM", "VAT Rate"])
    second.append(["JM-2026-12-E", "gln:8801234500029", "J-7", "V-block 75 mm", 27000, "KRW", "EA", "10%"])
    book.save(HERE / "catalogue.xlsx")


def orders_xls():
    """Two orders below each other in the old format."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("주문")
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    header = ["주문번호", "주문일", "구매자번호", "판매자번호", "통화", "품목코드", "품명", "수량", "단위", "단가", "비고"]
    for column, word in enumerate(header):
        sheet.write(1, column, word)
    for row, (number, item, name, quantity, price, note) in enumerate([
        ("PO-2026-1131", "0070", "육각 볼트 M8×30", 1000, 90.5, "급함"),
        ("PO-2026-1131", "0071", "육각 너트 M8", 2500, 45, ""),
        ("PO-2026-1132", "0100", "스프링 와셔 M8", 0.5, 12000, True),
    ], 2):
        sheet.write(row, 0, number)
        sheet.write(row, 1, DAY, day)
        for column, value in enumerate(["gln:8801234500012", "gln:8801234500043", "KRW", item, name, quantity, "EA", price,
                                        note], 2):
            sheet.write(row, column, value)
    book.save(str(HERE / "orders.xls"))


if __name__ == "__main__":
    order_xlsx()
    demo_order_xlsx()
    catalogue_xlsx()
    orders_xls()
