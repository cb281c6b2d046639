export { FakeClock, settle } from '../../dev/harness/fake-clock.ts';
