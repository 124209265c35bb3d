"""What an author should know about a statement that runs: warnings, for DescribeQuery alone, never as it runs."""

from directflow_gateway.advice.advise import ForMany, advise
from directflow_gateway.advice.subject import Subject, subject_of
from directflow_gateway.advice.text_alone import text_contract_problems

__all__ = ["ForMany", "Subject", "advise", "subject_of", "text_contract_problems"]
