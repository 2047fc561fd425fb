"""The Hugging Face Hub, and every hub that speaks its protocol."""
