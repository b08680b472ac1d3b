// The operations on offer follow the service that is chosen; a custom range begins as the last hour.

const service = document.querySelector<HTMLSelectElement>("#service");
const operation = document.querySelector<HTMLInputElement>("#operation");
const operations = document.querySelector<HTMLDataListElement>("#operations");

async function offer(name: string, choices: HTMLDataListElement): Promise<void> {
  choices.replaceChildren();
  if (name === "") {
    return;
  }
  const response = await fetch(`/search/operations?service=${encodeURIComponent(name)}`);
  // Another service may have been chosen while this answer was on its way.
  if (response.ok && service?.value === name) {
    choices.innerHTML = await response.text();
  }
}

if (service && operation && operations) {
  service.addEventListener("change", () => {
    operation.value = "";
    // Without the list the operation can still be typed.
    offer(service.value, operations).catch(() => undefined);
  });
}

const lookback = document.querySelector<HTMLSelectElement>("#lookback");
const [from, to] = ["start", "end"].map((name) => document.querySelector<HTMLInputElement>(`[name=${name}]`));

/** As `datetime-local` takes it; the fields say UTC. */
function fieldTime(at: Date): string {
  return at.toISOString().slice(0, 19);
}

lookback?.addEventListener("change", () => {
  if (lookback.value === "custom" && from?.value === "" && to?.value === "") {
    const now = new Date();
    from.value = fieldTime(new Date(now.getTime() - 3_600_000));
    to.value = fieldTime(now);
  }
});
