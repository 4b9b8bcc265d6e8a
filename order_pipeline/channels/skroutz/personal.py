"""Which keys of Skroutz' orders are personal data (docs/apis/skroutz.md section 12)."""

from order_pipeline.channels.personal import PersonalKeys

PERSONAL = PersonalKeys(
    keys={
        "customer": "the buyer: id, names, phones, address",
        "comments": "free note to the order or to the address",
        "invoice_details": "the billed party: company, VAT number, address, who proves an exclusion",
        "extra_info": "may hold the values of lenses, so health",
        "courier_voucher": "opens a document with the address",
        "uploaded_invoice_file": "opens the buyer's invoice",
    },
    kept=frozenset({"pickup_from_collection_point"}),
    places=frozenset({"id", "city", "region", "zip", "country_code", "floor", "street_number", "doy", "profession"})
    | {"extra_info", "id_type", "vat_exclusion_verification_method"},
)
