-- Only the version before keeps sign-ins by a provider here; browsers keep them now.
DROP TABLE provider_sign_ins;
