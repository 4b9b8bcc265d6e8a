"""Which keys of ScanSource's orders, invoices and tracking are personal data (docs/apis/scansource.md)."""

from order_pipeline.channels.personal import PersonalKeys

PERSONAL = PersonalKeys(
    keys={
        "BillingAddress": "the billed party: name, attention line, address",
        "ShippingAddress": "the recipient, the same",
        "DestinationAddress": "the recipient, as the carrier has it",
        "DeliverySignatureName": "who signed for the parcel",
        "SalesRepCode": "the sales representative",
        "SalesRepName": "the sales representative",
        "SalesRepEmail": "the sales representative",
        "EnteredByEmail": "who entered the order",
        "Memo": "free note",
    },
    places=frozenset({"City", "State", "PostalCode", "Country", "SalesRepCode"}),
)
