import { type Priority, priorities, type WorkClaim } from '../../session/ports/work-claim.ts';

/** The claim of a call whose caller gives none. */
export const noClaim: WorkClaim = { key: '', session: '', priority: 'live' };

/** Assumed duration of a job until it has been measured. */
const leastCostMs = 1;

interface Queued {
  readonly claim: WorkClaim;
  /** Estimated thread time. Jobs without an estimate stay in order. */
  readonly expectedMs?: number | undefined;
}

/** The jobs of each session of a key. */
type Sessions<Job extends Queued> = Turns<SessionJobs<Job>>;

const newKeys = <Job extends Queued>() => new Turns<Sessions<Job>>((sessions) => sessions.busy.length > 0);
const newSessions = <Job extends Queued>(): Sessions<Job> =>
  new Turns(
    (jobs) => jobs.size > 0,
    (jobs) => expectedMs(jobs.next),
  );

const expectedMs = (job: Queued | undefined) => job?.expectedMs ?? 0;

/**
 * Jobs waiting for a thread, in the order of `priorities`. Within a priority, thread time is shared equally between
 * keys, and within a key between its sessions. A client with little demand waits for the running job at most, however
 * many jobs are queued. Within the share of a key shorter jobs are first, but only those that arrive in the time that a
 * longer one takes.
 */
export class FairQueue<Job extends Queued> {
  readonly #keys: Record<Priority, Turns<Sessions<Job>>> = {
    live: newKeys(),
    partial: newKeys(),
    upload: newKeys(),
    speculation: newKeys(),
  };
  readonly #isServed: (priority: Priority) => boolean;
  #size = 0;

  /** `isServed`: whether jobs of a priority may start now; the others wait. */
  constructor(isServed: (priority: Priority) => boolean = () => true) {
    this.#isServed = isServed;
  }

  get size(): number {
    return this.#size;
  }

  /** The priority of the job that `shift` would return. */
  get nextPriority(): Priority | undefined {
    if (this.#size === 0) return undefined;
    return priorities.find((priority) => this.#keys[priority].busy.length > 0 && this.#isServed(priority));
  }

  has(job: Job): boolean {
    return this.#jobsLike(job)?.has(job) ?? false;
  }

  push(job: Job): void {
    const { key, session, priority } = job.claim;
    const sessions = this.#keys[priority].enter(key, newSessions);
    const jobs = sessions.enter(session, () => new SessionJobs());
    jobs.push(job, sessions.position(session) + expectedMs(job));
    this.#size += 1;
  }

  /** Removes the next job. Report its duration with `finish`. */
  shift(): Job | undefined {
    const priority = this.nextPriority;
    const jobs = priority && this.#keys[priority].next()?.next();
    const job = jobs?.next;
    if (!job) return undefined;
    jobs.remove(job);
    this.#size -= 1;
    this.#charge(job, leastCostMs);
    return job;
  }

  /** A removed job has taken `tookMs` of thread time. */
  finish(job: Job, tookMs: number): void {
    this.#charge(job, Math.max(0, tookMs - leastCostMs));
    const keys = this.#keys[job.claim.priority];
    // With an empty queue no client has been delayed, so earlier use does not matter.
    if (this.#size === 0) return keys.clear();
    keys.get(job.claim.key)?.prune();
    keys.prune();
  }

  /** Returns false if the job is not queued. */
  remove(job: Job): boolean {
    if (!this.#jobsLike(job)?.remove(job)) return false;
    this.#size -= 1;
    return true;
  }

  /**
   * Removes the newest job of the session with most jobs, of the key with most jobs, of the least urgent priority: a
   * client that fills the queue loses its own work, not that of others.
   */
  dropGreediest(): Job | undefined {
    const keys = priorities.map((priority) => this.#keys[priority].busy).findLast(({ length }) => length > 0);
    const sessions = greediest(keys ?? [], ({ busy }) => busy.reduce((sum, { size }) => sum + size, 0));
    const job = greediest(sessions?.busy ?? [], ({ size }) => size)?.newest;
    if (job) this.remove(job);
    return job;
  }

  /** Removes and returns all jobs. */
  clear(): Job[] {
    const all = priorities.flatMap((priority) =>
      this.#keys[priority].busy.flatMap(({ busy }) => busy.flatMap((jobs) => jobs.all)),
    );
    for (const priority of priorities) this.#keys[priority].clear();
    this.#size = 0;
    return all;
  }

  #jobsLike({ claim: { key, session, priority } }: Job): SessionJobs<Job> | undefined {
    return this.#keys[priority].get(key)?.get(session);
  }

  #charge({ claim: { key, session, priority } }: Job, ms: number): void {
    this.#keys[priority].get(key)?.charge(session, ms);
    this.#keys[priority].charge(key, ms);
  }
}

/** The waiting jobs of a session, in order of arrival. */
class SessionJobs<Job> {
  /** `rank`: the session's position at the arrival of the job, and the job's estimate. The lowest is next. */
  readonly #waiting: { job: Job; rank: number }[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  get all(): Job[] {
    return this.#waiting.map(({ job }) => job);
  }

  get newest(): Job | undefined {
    return this.#waiting.at(-1)?.job;
  }

  get next(): Job | undefined {
    let [next] = this.#waiting;
    for (const each of this.#waiting) if (next === undefined || each.rank < next.rank) next = each;
    return next?.job;
  }

  has(job: Job): boolean {
    return this.#waiting.some((each) => each.job === job);
  }

  push(job: Job, rank: number): void {
    this.#waiting.push({ job, rank });
  }

  /** Returns false if the job is not waiting. */
  remove(job: Job): boolean {
    const at = this.#waiting.findIndex((each) => each.job === job);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }
}

/** The last of several with the same count. */
function greediest<T>(items: Iterable<T>, jobsOf: (item: T) => number): T | undefined {
  let found: T | undefined;
  let most = 0;
  for (const item of items) {
    const jobs = jobsOf(item);
    if (jobs < most) continue;
    found = item;
    most = jobs;
  }
  return found;
}

interface Client<T> {
  /** Virtual milliseconds: the position of the others when its work started, plus what it has used since. */
  tag: number;
  readonly work: T;
}

/**
 * Shares time equally between clients: the next is the one whose use will be least after its next job, and a client that
 * was idle accumulates no credit. That is self-clocked fair queueing (Golestani 1994), and without estimates start-time
 * fair queueing (Goyal, Vin, Cheng 1996).
 */
class Turns<T> {
  readonly #clients = new Map<string, Client<T>>();
  readonly #isBusy: (work: T) => boolean;
  readonly #expectedMs: (work: T) => number;
  #now = 0;

  /** `expectedMs`: the estimate for the next job of a client's work, 0 without one. */
  constructor(isBusy: (work: T) => boolean, expectedMs: (work: T) => number = () => 0) {
    this.#isBusy = isBusy;
    this.#expectedMs = expectedMs;
  }

  /** The work of each client that has any. */
  get busy(): T[] {
    return [...this.#busy()].map(({ work }) => work);
  }

  get(name: string): T | undefined {
    return this.#clients.get(name)?.work;
  }

  /** The virtual time at which the next work of a client starts. */
  position(name: string): number {
    return this.#clients.get(name)?.tag ?? this.#now;
  }

  /** The work of a client, created if necessary. */
  enter(name: string, none: () => T): T {
    const client = this.#clients.get(name) ?? { tag: this.#now, work: none() };
    if (!this.#isBusy(client.work)) client.tag = Math.max(client.tag, this.#now);
    this.#clients.set(name, client);
    return client.work;
  }

  /** The work of the next client. */
  next(): T | undefined {
    let next: Client<T> | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const client of this.#busy()) {
      const end = client.tag + this.#expectedMs(client.work);
      if (end >= earliest) continue;
      next = client;
      earliest = end;
    }
    if (next) this.#now = Math.max(this.#now, earliest);
    return next?.work;
  }

  charge(name: string, ms: number): void {
    const client = this.#clients.get(name);
    if (client) client.tag += ms;
  }

  /** Drops clients without work whose use no longer matters. */
  prune(): void {
    for (const [name, { tag, work }] of this.#clients) {
      if (tag <= this.#now && !this.#isBusy(work)) this.#clients.delete(name);
    }
  }

  clear(): void {
    this.#clients.clear();
    this.#now = 0;
  }

  #busy(): IteratorObject<Client<T>> {
    return this.#clients.values().filter(({ work }) => this.#isBusy(work));
  }
}
