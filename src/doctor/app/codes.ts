// The codes of the doctor's findings, for whoever names one.
export {
  CATALOGUE,
  CODES,
  type Code,
  SEVERITIES,
  type Severity,
} from '../core/findings/catalogue.ts';
