//! Parts that documents share: parties, items, prices, deliveries. Flat where UBL wraps, named by the last words of
//! their UBL elements; `docs/model.md` lists every field with its path.

use rust_decimal::Decimal;

use super::party_id::PartyId;
use super::record::{Date, Time};

crate::record! {
    /// An identifier with its scheme.
    Identifier {
        /// The identifier itself.
        value: String,
        /// Its scheme (`@schemeID`).
        scheme: String,
        /// Who keeps the scheme (`@schemeAgencyID`).
        agency: String,
        /// Its name (`@schemeAgencyName`).
        agency_name: String,
    }

    /// An amount of money, exact as received.
    Amount {
        /// The number.
        value: Decimal,
        /// ISO 4217 code (`@currencyID`).
        currency: String,
    }

    /// A quantity or a measure.
    Quantity {
        /// The number.
        value: Decimal,
        /// UN/ECE Recommendation 20 unit code (`@unitCode`).
        unit: String,
        /// Which list the unit code is from, where the sender says so (`@unitCodeListID`).
        unit_list: String,
    }

    /// Something of a message that no field carries; written again when the target is the same message type.
    Unmapped {
        /// The message type it came from, `ubl/2.1/Order`.
        message: String,
        /// Its place below the message or group it stood in, with positions.
        place: String,
        /// Its value.
        value: String,
    }

    /// Which list a code is from, where the sender says so; the code stands in the field beside it.
    CodeList {
        /// @listID
        id: String,
        /// @listName
        name: String,
        /// @listAgencyID
        agency: String,
        /// @listAgencyName
        agency_name: String,
        /// @listVersionID
        version: String,
    }

    /// A date that has no field of its own.
    RoleDate {
        /// What happens then: a word of ours or the source's code (EDIFACT 2005)
        role: String,
        /// The day
        date: Date,
        /// The time of day
        time: Time,
    }

    /// A text that has no field of its own.
    RoleText {
        /// What it is about: a word of ours or the source's code (EDIFACT 4451)
        role: String,
        /// The text; lines are kept apart by line ends
        text: String,
    }

    /// An amount that has no field of its own.
    RoleAmount {
        /// What it is: a word of ours or the source's code (EDIFACT 5025)
        role: String,
        /// The amount
        amount: Option<Amount>,
    }

    /// A quantity that has no field of its own.
    RoleQuantity {
        /// What it counts: a word of ours or the source's code (EDIFACT 6063)
        role: String,
        /// The quantity
        quantity: Option<Quantity>,
    }

    /// A postal address (cac:Address).
    Address {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:AddressTypeCode
        address_type_code: String,
        /// cbc:AddressFormatCode
        address_format_code: String,
        /// cbc:Postbox
        postbox: String,
        /// cbc:Floor
        floor: String,
        /// cbc:Room
        room: String,
        /// cbc:StreetName
        street_name: String,
        /// cbc:AdditionalStreetName
        additional_street_name: String,
        /// cbc:BlockName
        block_name: String,
        /// cbc:BuildingName
        building_name: String,
        /// cbc:BuildingNumber
        building_number: String,
        /// cbc:InhouseMail
        inhouse_mail: String,
        /// cbc:Department
        department: String,
        /// cbc:MarkAttention
        mark_attention: String,
        /// cbc:MarkCare
        mark_care: String,
        /// cbc:PlotIdentification
        plot_identification: String,
        /// cbc:CitySubdivisionName
        city_subdivision_name: String,
        /// cbc:CityName
        city_name: String,
        /// cbc:PostalZone
        postal_zone: String,
        /// cbc:CountrySubentity
        country_subentity: String,
        /// cbc:CountrySubentityCode
        country_subentity_code: String,
        /// cbc:Region
        region: String,
        /// cbc:District
        district: String,
        /// cbc:TimezoneOffset
        timezone_offset: String,
        /// cac:AddressLine/cbc:Line
        lines: Vec<String>,
        /// cac:Country/cbc:IdentificationCode, ISO 3166-1 alpha-2
        country: String,
        /// cac:Country/cbc:Name
        country_name: String,
    }

    /// Another way to reach somebody (cac:OtherCommunication).
    Communication {
        /// cbc:ChannelCode; EDIFACT 3155
        channel_code: String,
        /// cbc:Channel
        channel: String,
        /// cbc:Value
        value: String,
    }

    /// How to reach somebody (cac:Contact).
    Contact {
        /// cbc:ID
        id: String,
        /// cbc:Name
        name: String,
        /// cbc:Telephone
        telephone: String,
        /// cbc:Telefax
        telefax: String,
        /// cbc:ElectronicMail
        electronic_mail: String,
        /// cbc:Note
        notes: Vec<String>,
        /// cac:OtherCommunication
        other_communications: Vec<Communication>,
        /// What the contact is for, where it is not the usual one: EDIFACT 3139
        role: String,
    }

    /// A human being (cac:Person).
    Person {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:FirstName
        first_name: String,
        /// cbc:FamilyName
        family_name: String,
        /// cbc:Title
        title: String,
        /// cbc:MiddleName
        middle_name: String,
        /// cbc:NameSuffix
        name_suffix: String,
        /// cbc:JobTitle
        job_title: String,
        /// cbc:OrganizationDepartment
        organization_department: String,
        /// cac:Contact
        contact: Option<Contact>,
    }

    /// A tax (cac:TaxScheme).
    TaxScheme {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:Name
        name: String,
        /// cbc:TaxTypeCode
        tax_type_code: String,
    }

    /// A party's registration for a tax (cac:PartyTaxScheme).
    PartyTaxScheme {
        /// cbc:RegistrationName
        registration_name: String,
        /// cbc:CompanyID
        company_id: Option<Identifier>,
        /// cbc:ExemptionReasonCode
        exemption_reason_code: String,
        /// cbc:ExemptionReason
        exemption_reasons: Vec<String>,
        /// cac:RegistrationAddress
        registration_address: Option<Address>,
        /// cac:TaxScheme
        tax_scheme: Option<TaxScheme>,
    }

    /// The company in law (cac:PartyLegalEntity).
    LegalEntity {
        /// cbc:RegistrationName
        registration_name: String,
        /// cbc:CompanyID
        company_id: Option<Identifier>,
        /// cac:RegistrationAddress
        registration_address: Option<Address>,
        /// cac:CorporateRegistrationScheme/cbc:Name
        registration_scheme_name: String,
    }

    /// A party of a trade with the contacts of its part in it (cac:Party and the cac:CustomerParty or cac:SupplierParty around it).
    Party {
        /// Who it is in our spelling; the first of endpoint, identifiers and company numbers that has a scheme. Not an element of its own.
        id: PartyId,
        /// What it is in the trade, where it stands in a list of parties: a word of ours or the source's code (EDIFACT 3035)
        role: String,
        /// cbc:EndpointID
        endpoint: Option<Identifier>,
        /// cac:PartyIdentification/cbc:ID
        identifiers: Vec<Identifier>,
        /// cac:PartyName/cbc:Name
        names: Vec<String>,
        /// cbc:WebsiteURI
        website: String,
        /// cac:PostalAddress
        address: Option<Address>,
        /// cac:PhysicalLocation/cac:Address
        physical_address: Option<Address>,
        /// cac:PartyTaxScheme
        tax_schemes: Vec<PartyTaxScheme>,
        /// cac:PartyLegalEntity
        legal_entities: Vec<LegalEntity>,
        /// cac:Contact
        contact: Option<Contact>,
        /// cac:Person
        persons: Vec<Person>,
        /// cac:CustomerParty/cbc:CustomerAssignedAccountID
        customer_assigned_account_id: Option<Identifier>,
        /// cac:CustomerParty/cbc:SupplierAssignedAccountID
        supplier_assigned_account_id: Option<Identifier>,
        /// cbc:AdditionalAccountID
        additional_account_ids: Vec<Identifier>,
        /// cac:DeliveryContact
        delivery_contact: Option<Contact>,
        /// cac:AccountingContact
        accounting_contact: Option<Contact>,
        /// cac:BuyerContact
        buyer_contact: Option<Contact>,
        /// cac:DespatchContact
        despatch_contact: Option<Contact>,
        /// cac:SellerContact
        seller_contact: Option<Contact>,
    }

    /// A span of time (cac:Period).
    Period {
        /// cbc:StartDate
        start_date: Date,
        /// cbc:StartTime
        start_time: Time,
        /// cbc:EndDate
        end_date: Date,
        /// cbc:EndTime
        end_time: Time,
        /// cbc:DurationMeasure
        duration: Option<Quantity>,
        /// cbc:DescriptionCode
        description_codes: Vec<String>,
        /// cbc:Description
        descriptions: Vec<String>,
    }

    /// A reference to another document (cac:DocumentReference, cac:OrderReference and their kin).
    DocumentReference {
        /// cbc:ID
        id: Option<Identifier>,
        /// What the reference is for: `order`, `contract`, `quotation`, `original`, `additional`, `despatch`, `catalogue`, …; from the element's name or EDIFACT 1153.
        role: String,
        /// cbc:SalesOrderID
        sales_order_id: String,
        /// cbc:UUID
        uuid: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// cbc:DocumentTypeCode
        document_type_code: String,
        /// cbc:DocumentType
        document_type: String,
        /// cbc:CustomerReference
        customer_reference: String,
        /// cbc:VersionID
        version_id: String,
        /// cbc:DocumentDescription
        descriptions: Vec<String>,
        /// cac:Attachment
        attachment: Option<Attachment>,
    }

    /// A file (cac:Attachment).
    Attachment {
        /// cbc:EmbeddedDocumentBinaryObject, base 64
        content: String,
        /// @mimeCode
        mime_code: String,
        /// @filename
        file_name: String,
        /// cac:ExternalReference/cbc:URI
        uri: String,
    }

    /// A reference to a line of another document (cac:OrderLineReference, cac:LineReference).
    LineReference {
        /// cbc:LineID
        line_id: String,
        /// cbc:SalesOrderLineID
        sales_order_line_id: String,
        /// cbc:LineStatusCode
        line_status_code: String,
        /// cac:OrderReference or cac:DocumentReference
        document: Option<DocumentReference>,
    }

    /// A property of an item (cac:AdditionalItemProperty).
    ItemProperty {
        /// cbc:Name
        name: String,
        /// cbc:Value
        value: String,
        /// cbc:ValueQuantity
        value_quantity: Option<Quantity>,
    }

    /// A class an item belongs to (cac:CommodityClassification/cbc:ItemClassificationCode).
    Classification {
        /// The code.
        code: String,
        /// @listID
        list: String,
        /// @listVersionID
        list_version: String,
        /// @listAgencyID
        list_agency: String,
        /// @name
        name: String,
    }

    /// A tax category (cac:TaxCategory, cac:ClassifiedTaxCategory).
    TaxCategory {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:Name
        name: String,
        /// cbc:Percent
        percent: Option<Decimal>,
        /// cbc:TaxExemptionReasonCode
        exemption_reason_code: String,
        /// cbc:TaxExemptionReason
        exemption_reasons: Vec<String>,
        /// cac:TaxScheme
        tax_scheme: Option<TaxScheme>,
    }

    /// A tax amount per category (cac:TaxSubtotal).
    TaxSubtotal {
        /// cbc:TaxableAmount
        taxable_amount: Option<Amount>,
        /// cbc:TaxAmount
        tax_amount: Option<Amount>,
        /// cbc:Percent
        percent: Option<Decimal>,
        /// cac:TaxCategory
        category: Option<TaxCategory>,
    }

    /// A tax total (cac:TaxTotal).
    TaxTotal {
        /// cbc:TaxAmount
        tax_amount: Option<Amount>,
        /// cac:TaxSubtotal
        subtotals: Vec<TaxSubtotal>,
    }

    /// A discount or a charge (cac:AllowanceCharge).
    AllowanceCharge {
        /// cbc:ChargeIndicator: true for a charge
        charge: Option<bool>,
        /// cbc:AllowanceChargeReasonCode
        reason_code: String,
        /// cbc:AllowanceChargeReason
        reasons: Vec<String>,
        /// cbc:MultiplierFactorNumeric
        multiplier_factor: Option<Decimal>,
        /// cbc:Amount
        amount: Option<Amount>,
        /// cbc:BaseAmount
        base_amount: Option<Amount>,
        /// cac:TaxCategory
        tax_categories: Vec<TaxCategory>,
    }

    /// Totals of a document (cac:MonetaryTotal).
    MonetaryTotal {
        /// cbc:LineExtensionAmount
        line_extension_amount: Option<Amount>,
        /// cbc:TaxExclusiveAmount
        tax_exclusive_amount: Option<Amount>,
        /// cbc:TaxInclusiveAmount
        tax_inclusive_amount: Option<Amount>,
        /// cbc:AllowanceTotalAmount
        allowance_total_amount: Option<Amount>,
        /// cbc:ChargeTotalAmount
        charge_total_amount: Option<Amount>,
        /// cbc:PrepaidAmount
        prepaid_amount: Option<Amount>,
        /// cbc:PayableRoundingAmount
        payable_rounding_amount: Option<Amount>,
        /// cbc:PayableAmount
        payable_amount: Option<Amount>,
    }

    /// A measure of something (cac:Dimension, cac:MeasurementDimension).
    Dimension {
        /// cbc:AttributeID: what is measured; EDIFACT 6313
        attribute_id: Option<Identifier>,
        /// cbc:Measure
        measure: Option<Quantity>,
        /// cbc:Description
        descriptions: Vec<String>,
        /// cbc:MinimumMeasure
        minimum_measure: Option<Quantity>,
        /// cbc:MaximumMeasure
        maximum_measure: Option<Quantity>,
    }

    /// An individual piece or batch of an item (cac:ItemInstance).
    ItemInstance {
        /// cbc:ProductTraceID
        product_trace_id: String,
        /// cbc:ManufactureDate
        manufacture_date: Date,
        /// cbc:BestBeforeDate
        best_before_date: Date,
        /// cbc:SerialID
        serial_id: String,
        /// cac:LotIdentification/cbc:LotNumberID
        lot_number_id: String,
        /// cac:LotIdentification/cbc:ExpiryDate
        expiry_date: Date,
    }

    /// A product (cac:Item).
    Item {
        /// cbc:Name
        name: String,
        /// cbc:Description
        descriptions: Vec<String>,
        /// cbc:PackQuantity
        pack_quantity: Option<Quantity>,
        /// cbc:PackSizeNumeric
        pack_size: Option<Decimal>,
        /// cbc:HazardousRiskIndicator
        hazardous_risk: Option<bool>,
        /// cbc:AdditionalInformation
        additional_information: Vec<String>,
        /// cbc:Keyword
        keywords: Vec<String>,
        /// cbc:BrandName
        brand_names: Vec<String>,
        /// cbc:ModelName
        model_names: Vec<String>,
        /// cac:BuyersItemIdentification/cbc:ID
        buyers_item_id: Option<Identifier>,
        /// cac:SellersItemIdentification/cbc:ID
        sellers_item_id: Option<Identifier>,
        /// cac:ManufacturersItemIdentification/cbc:ID
        manufacturers_item_ids: Vec<Identifier>,
        /// cac:StandardItemIdentification/cbc:ID, the GTIN
        standard_item_id: Option<Identifier>,
        /// cac:AdditionalItemIdentification/cbc:ID
        additional_item_ids: Vec<Identifier>,
        /// cac:ItemSpecificationDocumentReference
        specifications: Vec<DocumentReference>,
        /// cac:OriginCountry/cbc:IdentificationCode
        origin_country: String,
        /// cac:CommodityClassification
        classifications: Vec<Classification>,
        /// cac:ClassifiedTaxCategory
        tax_categories: Vec<TaxCategory>,
        /// cac:AdditionalItemProperty
        properties: Vec<ItemProperty>,
        /// cac:ManufacturerParty
        manufacturers: Vec<Party>,
        /// cac:ItemInstance
        instances: Vec<ItemInstance>,
        /// cac:Dimension
        dimensions: Vec<Dimension>,
    }

    /// A price (cac:Price).
    Price {
        /// cbc:PriceAmount
        amount: Option<Amount>,
        /// cbc:BaseQuantity
        base_quantity: Option<Quantity>,
        /// cbc:PriceTypeCode
        price_type_code: String,
        /// cbc:PriceType
        price_type: String,
        /// cac:ValidityPeriod
        validity_periods: Vec<Period>,
        /// cac:AllowanceCharge
        allowance_charges: Vec<AllowanceCharge>,
        /// cbc:OrderableUnitFactorRate
        orderable_unit_factor: Option<Decimal>,
    }

    /// Where and when something is delivered (cac:Delivery).
    Delivery {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:Quantity
        quantity: Option<Quantity>,
        /// cbc:ActualDeliveryDate
        actual_delivery_date: Date,
        /// cbc:ActualDeliveryTime
        actual_delivery_time: Time,
        /// cbc:LatestDeliveryDate
        latest_delivery_date: Date,
        /// cbc:LatestDeliveryTime
        latest_delivery_time: Time,
        /// cbc:TrackingID
        tracking_id: String,
        /// cac:DeliveryAddress
        address: Option<Address>,
        /// cac:DeliveryLocation/cbc:ID
        location_id: Option<Identifier>,
        /// cac:DeliveryLocation/cac:Address
        location_address: Option<Address>,
        /// cac:RequestedDeliveryPeriod
        requested_period: Option<Period>,
        /// cac:PromisedDeliveryPeriod
        promised_period: Option<Period>,
        /// cac:EstimatedDeliveryPeriod
        estimated_period: Option<Period>,
        /// cac:CarrierParty
        carrier: Option<Party>,
        /// cac:DeliveryParty
        party: Option<Party>,
        /// cac:Despatch/cbc:ActualDespatchDate
        actual_despatch_date: Date,
        /// cac:Despatch/cbc:EstimatedDespatchDate
        estimated_despatch_date: Date,
    }

    /// Terms of delivery (cac:DeliveryTerms).
    DeliveryTerms {
        /// cbc:ID, an Incoterms code where the scheme says so
        id: Option<Identifier>,
        /// cbc:SpecialTerms
        special_terms: Vec<String>,
        /// cbc:LossRiskResponsibilityCode
        loss_risk_code: String,
        /// cac:DeliveryLocation/cbc:ID
        location_id: Option<Identifier>,
    }

    /// Terms of payment (cac:PaymentTerms).
    PaymentTerms {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:SettlementDiscountPercent
        settlement_discount_percent: Option<Decimal>,
        /// cac:SettlementPeriod
        settlement_period: Option<Period>,
    }
}

impl Party {
    /// Every identifier of the party in our spelling, the most telling first.
    pub fn party_ids(&self) -> Vec<PartyId> {
        let mut ids = Vec::new();
        let mut add = |id: PartyId| {
            if !id.value.is_empty() && !ids.contains(&id) {
                ids.push(id);
            }
        };
        if !self.id.value.is_empty() {
            add(self.id.clone());
        }
        let tax = self.tax_schemes.iter().filter_map(|scheme| scheme.company_id.as_ref());
        let legal = self.legal_entities.iter().filter_map(|entity| entity.company_id.as_ref());
        for identifier in self.endpoint.iter().chain(&self.identifiers).chain(legal).chain(tax) {
            add(PartyId::new(&identifier.scheme, &identifier.value));
        }
        ids
    }

    /// The name people know it by; empty if there is none.
    pub fn name(&self) -> &str {
        self.names
            .first()
            .or_else(|| self.legal_entities.first().map(|entity| &entity.registration_name))
            .map_or("", String::as_str)
    }
}

impl Item {
    /// The identifiers of the item with what each is: `gtin`, `seller`, `buyer`, `manufacturer`.
    pub fn ids(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named =
            [("gtin", &self.standard_item_id), ("seller", &self.sellers_item_id), ("buyer", &self.buyers_item_id)];
        named
            .into_iter()
            .filter_map(|(kind, id)| id.as_ref().map(|id| (kind, id.value.as_str())))
            .chain(self.manufacturers_item_ids.iter().map(|id| ("manufacturer", id.value.as_str())))
    }
}
