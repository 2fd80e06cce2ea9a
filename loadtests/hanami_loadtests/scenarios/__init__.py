"""What users do: each scenario is a full workflow that checks what it is answered and cleans up after itself."""
