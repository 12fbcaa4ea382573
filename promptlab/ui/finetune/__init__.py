"""The page Fine-tuning: adapters that were trained here, one that is being trained, and a new one."""
