"""What the login role can do beyond reading, and the SQL with which the customer's DBA takes it away."""

from directflow_gateway.role_doctor.admission import RoleDoctor, refuses
from directflow_gateway.role_doctor.examination import examine
from directflow_gateway.role_doctor.finding import Finding, Weight
from directflow_gateway.role_doctor.naming import DOCUMENTED_ROLE, findings_for, rights_for, role_of
from directflow_gateway.role_doctor.rights import Owner, Rights, reading_rights

__all__ = [
    "DOCUMENTED_ROLE",
    "Finding",
    "Owner",
    "Rights",
    "RoleDoctor",
    "Weight",
    "examine",
    "findings_for",
    "reading_rights",
    "refuses",
    "rights_for",
    "role_of",
]
