"""`python -m services.api`: one api process."""

import sys

from services.api.app import ApiService
from services.process import run_service

if __name__ == "__main__":
    sys.exit(run_service("api", ApiService))
