"""The rules of referrals: who may see them, who is told when, what staff may do. Pure SQL, no network."""
