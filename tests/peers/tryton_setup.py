"""Fills a fresh Tryton database for the tests: the producer's own company in KRW, accounts, one tax of 10 %, customers
known by their GLN, products known by their GTIN and their own number, and the account of the hub. Run by tryton.sh."""
import datetime
import sys
from decimal import Decimal

from proteus import Model, config

config.set_trytond("erp", user="admin", config_file=sys.argv[1])

from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
from trytond.modules.account_invoice.tests.tools import create_payment_term, set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company

# Tests go on in the next year as well: a sale needs no period, an invoice does.
Country, Currency, Party = (Model.get(name) for name in ("country.country", "currency.currency", "party.party"))

won = Currency(name="Won", symbol="₩", code="KRW", numeric_code="410", digits=0, rounding=Decimal(1))
won.rates.new(date=datetime.date(2020, 1, 1), rate=Decimal(1))
won.save()
korea = Country(name="Korea, Republic of", code="KR", code3="KOR", code_numeric="410")
korea.save()


def party(name, gln, city):
    made = Party(name=name)
    address = made.addresses[0] if made.addresses else made.addresses.new()
    address.street, address.city, address.country = "1 Hangang-daero", city, korea
    made.identifiers.new(code=gln)
    made.save()
    return made


create_company(party("Haneul Foods (the producer)", "8801234500036", "Seoul"), won)
company = get_company()
set_fiscalyear_invoice_sequences(create_fiscalyear(company)).click("create_period")
create_chart(company)
accounts = get_accounts(company)
tax = create_tax(Decimal(".10"))
tax.save()
party("Mirae Mart", "8801234500012", "Busan")
party("The hub", "8801234500029", "Daejeon")

Category, Template, Unit = (Model.get(name) for name in ("product.category", "product.template", "product.uom"))
goods = Category(name="Goods", accounting=True, account_expense=accounts["expense"], account_revenue=accounts["revenue"])
goods.customer_taxes.append(tax)
goods.save()
(unit,) = Unit.find([("name", "=", "Unit")])
for code, gtin, name, price in (
    ("SKU-1", "8801234560016", "Barley tea 500 ml", 1250),
    ("SKU-2", "8801234560023", "Roasted seaweed 5 g", 800),
):
    template = Template(
        name=name, default_uom=unit, type="goods", salable=True, list_price=Decimal(price), account_category=goods
    )
    template.save()
    (product,) = template.products
    product.suffix_code = code
    product.identifiers.new(type="ean", code=gtin)
    product.save()
create_payment_term().save()

Group, User = Model.get("res.group"), Model.get("res.user")
gateway = User(name="Gateway", login="gateway", password="gateway-pass-1")
gateway.companies.append(company)
gateway.company = company
for group in Group.find([]):
    gateway.groups.append(Group(group.id))
gateway.save()
