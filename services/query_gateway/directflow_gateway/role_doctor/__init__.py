"""What the login role can do beyond reading, and the SQL with which the customer's DBA takes it away."""

from directflow_gateway.role_doctor.admission import RoleDoctor
from directflow_gateway.role_doctor.examination import examine
from directflow_gateway.role_doctor.finding import Finding, Weight

__all__ = ["Finding", "RoleDoctor", "Weight", "examine"]
