"""Which keys of Kibo's orders are personal data (docs/apis/kibo.md sections 4.2, 4.3 and 8)."""

from order_pipeline.channels.personal import PersonalKeys

PERSONAL = PersonalKeys(
    keys={
        "customer": "the buyer: id, names, e-mail, phone",
        "customerID": "the buyer's id",
        "shippingAddressInformation": "the recipient: names, address, phone, position",
        "shippingAddress": "the id of that address",
        "billingAddressInformation": "the same of the billed party, where an order has one",
        "billingAddress": "the id of that address",
        "ipAddress": "the address from which it was ordered",
        "fraud": "a score of the buyer",
        "packingListLink": "opens a document with the address",
    },
    kept=frozenset({"fraudLock", "active", "isBilling", "isShipping"}),  # a lock decides whether it is picked
    places=frozenset(
        {"customerID", "addressID", "shippingAddress", "billingAddress", "city", "state", "postalCode", "countryCode"}
        | {"latitude", "longitude", "fraud", "password"}
    ),
)
