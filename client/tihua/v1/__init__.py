"""Messages and stubs of the tihua.v1 contract, generated from `protos/` by `make protos`; never edited."""
