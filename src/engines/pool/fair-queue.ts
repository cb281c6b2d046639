import { type Priority, priorities, type WorkClaim } from '../../session/ports/work-claim.ts';

/** The claim of a call whose caller gives none. */
export const noClaim: WorkClaim = { key: '', session: '', priority: 'live' };

/** Assumed duration of a job until it has been measured. */
const leastCostMs = 1;

interface Claimed {
  readonly claim: WorkClaim;
}

/** The jobs of each session of a key. */
type Sessions<Job> = Turns<Job[]>;

const newKeys = <Job>() => new Turns<Sessions<Job>>((sessions) => sessions.busy.length > 0);
const newSessions = <Job>(): Sessions<Job> => new Turns((jobs) => jobs.length > 0);

/**
 * Jobs waiting for a thread, in the order of `priorities`. Within a priority, thread time is shared equally between
 * keys, and within a key between its sessions; the jobs of a session run in order. A client with little demand waits for
 * the running job at most, however many jobs are queued.
 */
export class FairQueue<Job extends Claimed> {
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
    return this.#jobsLike(job).includes(job);
  }

  push(job: Job): void {
    const { key, session, priority } = job.claim;
    this.#keys[priority]
      .enter(key, newSessions)
      .enter(session, () => [])
      .push(job);
    this.#size += 1;
  }

  /** Removes the next job. Report its duration with `finish`. */
  shift(): Job | undefined {
    const priority = this.nextPriority;
    const job = priority && this.#keys[priority].next()?.next()?.shift();
    if (!job) return undefined;
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
    const jobs = this.#jobsLike(job);
    const at = jobs.indexOf(job);
    if (at < 0) return false;
    jobs.splice(at, 1);
    this.#size -= 1;
    return true;
  }

  /**
   * Removes the newest job of the session with most jobs, of the key with most jobs, of the least urgent priority: a
   * client that fills the queue loses its own work, not that of others.
   */
  dropGreediest(): Job | undefined {
    const keys = priorities.map((priority) => this.#keys[priority].busy).findLast(({ length }) => length > 0);
    const sessions = greediest(keys ?? [], ({ busy }) => busy.reduce((sum, jobs) => sum + jobs.length, 0));
    const job = greediest(sessions?.busy ?? [], (jobs) => jobs.length)?.at(-1);
    if (job) this.remove(job);
    return job;
  }

  /** Removes and returns all jobs. */
  clear(): Job[] {
    const all = priorities.flatMap((priority) => this.#keys[priority].busy.flatMap(({ busy }) => busy.flat()));
    for (const priority of priorities) this.#keys[priority].clear();
    this.#size = 0;
    return all;
  }

  #jobsLike({ claim: { key, session, priority } }: Job): Job[] {
    return this.#keys[priority].get(key)?.get(session) ?? [];
  }

  #charge({ claim: { key, session, priority } }: Job, ms: number): void {
    this.#keys[priority].get(key)?.charge(session, ms);
    this.#keys[priority].charge(key, ms);
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
 * Shares time equally between clients by start-time fair queueing (Goyal, Vin, Cheng 1996): the client with the least
 * use is next, and a client that was idle accumulates no credit.
 */
export class Turns<T> {
  readonly #clients = new Map<string, Client<T>>();
  readonly #isBusy: (work: T) => boolean;
  #now = 0;

  constructor(isBusy: (work: T) => boolean) {
    this.#isBusy = isBusy;
  }

  /** The work of each client that has any. */
  get busy(): T[] {
    return [...this.#busy()].map(({ work }) => work);
  }

  get(name: string): T | undefined {
    return this.#clients.get(name)?.work;
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
    for (const client of this.#busy()) if (next === undefined || client.tag < next.tag) next = client;
    if (next) this.#now = Math.max(this.#now, next.tag);
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
