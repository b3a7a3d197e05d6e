using Microsoft.Agents.AI;
using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Flavours;

/// <summary>The framework's agent.</summary>
internal sealed class AgentCaller(AIAgent agent) : IModelCaller
{
    public Task CallAsync(Iteration iteration, CancellationToken cancellationToken) =>
        agent.RunAsync(iteration.Prompt, cancellationToken: cancellationToken);

    public async Task StreamAsync(Iteration iteration, CancellationToken cancellationToken)
    {
        var updates = agent.RunStreamingAsync(iteration.Prompt, cancellationToken: cancellationToken);
        await foreach (var update in updates.ConfigureAwait(false))
        {
            if (update.Text.Length > 0)
            {
                iteration.SeeText();
            }
        }
    }
}
