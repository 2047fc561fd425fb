"""OCI registries, such as Docker's, with models as the CNCF ModelPack specification packs them."""
