/** The part of the catalogue (`errors.ts`) about calls. */

import { WireError } from './wire-errors.ts';

export const callErrors = {
  /** The hosted service's text and code. The same for a call of another project, so that a guess reveals nothing. */
  unknownCall: () =>
    new WireError('No session found for the provided call_id.', { code: 'call_id_not_found', param: 'call_id' }),
};
