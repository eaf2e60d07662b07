"""The SkipGPT Java kernel for Jupyter: python -m skipgpt_kernel CONNECTION_FILE starts it."""
